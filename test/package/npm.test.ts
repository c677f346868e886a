/** The npm package: packed, installed into an empty folder, and used there under each runtime. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { bun, deno, loader, node, root } from "../../scripts/runtimes.ts";
import { balancerOptions } from "../../src/config/balancer-options.ts";
import { namesIn } from "../../src/config/names.ts";
import type { OptionTable } from "../../src/config/option.ts";
import { reporterOptions } from "../../src/config/reporter-options.ts";
import { VERSION } from "../../src/util/version.ts";
import { removeFolders, temporaryFolder } from "../support/folder.ts";
import { describeDeclarations } from "./declarations.ts";

const TIMEOUT_MS = 120_000;
const windows = process.platform === "win32";

function execute(command: string, args: readonly string[], cwd: string, env: NodeJS.ProcessEnv = process.env): string {
  const shell = windows && command === "npm";
  const done = spawnSync(command, args, { cwd, env, shell, encoding: "utf8", timeout: TIMEOUT_MS });
  assert.equal(done.status, 0, `${command} ${args.join(" ")}: ${done.error ?? ""}\n${done.stdout}${done.stderr}`);
  return done.stdout;
}

/** A balancer, a target and a request through both, with nothing of this repository. Prints what came back. */
const REQUEST = `
const server = http.createServer((request, response) => response.end("served"));
server.listen(0, "127.0.0.1", async () => {
  const key = "package:a-key-that-only-this-test-uses";
  const balancer = harmony.server({ key, listenport: 0, adminport: 0, host: "127.0.0.1" });
  const { listen, admin } = await balancer.ready;
  const target = new harmony.client({ key, host: "127.0.0.1", adminport: admin[0].port, listenport: server.address().port });
  await target.ready;
  http.get({ host: "127.0.0.1", port: listen[0].port, agent: false }, (response) => {
    response.setEncoding("utf8").on("data", async (text) => {
      console.log(text);
      server.close();
      await target.close();
      await balancer.close();
    });
  });
});
`;

describe("the npm package", () => {
  const place = temporaryFolder("package");
  const installed = join(place, "node_modules/node-harmony");

  before(() => {
    execute(node, ["--import", loader, "scripts/pack.ts"], root);
    const tarball = join(root, `dist/node-harmony-${VERSION}.tgz`);
    writeFileSync(join(place, "package.json"), '{ "private": true }');
    execute("npm", ["install", "--prefer-offline", "--no-audit", "--no-fund", tarball], place);
    writeFileSync(
      join(place, "require.cjs"),
      `const http = require("node:http"); const harmony = require("node-harmony");${REQUEST}`,
    );
    writeFileSync(
      join(place, "import.mjs"),
      `import http from "node:http"; import * as harmony from "node-harmony";${REQUEST}`,
    );
    writeFileSync(
      join(place, "default.mjs"),
      `import http from "node:http"; import harmony from "node-harmony";${REQUEST}`,
    );
  });
  after(removeFolders);

  it("holds JavaScript, declarations, its papers, and nothing else", () => {
    const files = readdirSync(installed, { recursive: true, withFileTypes: true, encoding: "utf8" })
      .filter((entry) => entry.isFile())
      .map((entry) =>
        join(entry.parentPath, entry.name)
          .slice(installed.length + 1)
          .replaceAll("\\", "/"),
      );
    const strange = files.filter((file) => !/^lib\/([a-z0-9/-]+\.js|index\.d\.c?ts)$/.test(file));
    assert.deepEqual(strange.sort(), ["CHANGELOG.md", "LICENSE", "README.md", "package.json"]);
    for (const file of ["lib/index.js", "lib/index.d.ts", "lib/index.d.cts", "lib/bin/harmony-balancer.js"])
      assert.ok(files.includes(file), file);
  });

  it("asks for nothing but its dependencies", () => {
    const { dependencies, devDependencies, scripts } = readJson(join(installed, "package.json"));
    const own = readJson(join(root, "package.json"));
    assert.deepEqual(dependencies, own.dependencies);
    assert.deepEqual([devDependencies, scripts], [undefined, undefined]);
  });

  const runtimes: Record<string, readonly string[]> = { node: [node], bun: [bun], deno: [deno, "run", "-A"] };
  for (const [name, [command, ...args]] of Object.entries(runtimes)) {
    for (const file of ["require.cjs", "import.mjs", "default.mjs"]) {
      it(`serves a request on ${name}, by ${file.split(".")[0]}`, () => {
        const { NODE_OPTIONS: _, ...env } = process.env;
        assert.equal(execute(command!, [...args, file], place, env).trim(), "served");
      });
    }
    for (const program of ["harmony-balancer", "harmony-reporter"]) {
      it(`has the command ${program} on ${name}`, () => {
        const text = execute(command!, [...args, join(installed, "lib/bin", `${program}.js`), "--version"], place);
        assert.match(text, new RegExp(`${program} ${VERSION.replaceAll(".", "\\.")} \\(${name} `));
      });
    }
  }

  it("puts its commands where npm puts commands", {
    skip: windows && "npm writes other files there on Windows",
  }, () => {
    const text = execute(join(place, "node_modules/.bin/harmony-balancer"), ["--version"], place);
    assert.match(text, /^harmony-balancer /);
  });

  it("says in its declarations what each option means, for editors to show", () => {
    const declarations = readFileSync(join(installed, "lib/index.d.ts"), "utf8");
    for (const [name, table] of [
      ["ServerOptions", balancerOptions],
      ["ClientOptions", reporterOptions],
    ] as const) {
      const body = new RegExp(`interface ${name} .*?\\n\\}`, "s").exec(declarations)![0];
      for (const [spelling, option] of namesIn(table, "library").options) {
        const comment = new RegExp(`/\\*\\* (.*) \\*/\\n +${spelling}\\?: `).exec(body)?.[1];
        const expected = spelling === option ? (table as OptionTable)[option]!.doc : `As \`${option}\`.`;
        assert.ok(comment?.startsWith(expected), `${spelling}: ${comment}`);
      }
    }
  });

  describeDeclarations(place);
});

function readJson(file: string): Record<string, unknown> {
  return JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>;
}
