/** `make build` and `make release` where not everything can be had, in a copy of the project: nobody's dist/ is touched. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import esbuild from "esbuild";
import { bun, node, root } from "../../scripts/runtimes.ts";
import { VERSION } from "../../src/util/version.ts";
import { removeFolders, temporaryFolder } from "../support/folder.ts";

const TIMEOUT_MS = 120_000;
const PROGRAMS = ["harmony-balancer", "harmony-reporter"];
const exe = process.platform === "win32" ? ".exe" : "";
const SYSTEM = `${process.platform === "win32" ? "windows" : process.platform}-${process.arch}`;
/** Nobody answers there, so that nothing is downloaded. */
const NOWHERE = "http://127.0.0.1:1";

const place = temporaryFolder("build");

before(() => {
  for (const name of ["scripts", "src", "package.json", "tsconfig.json", "deno.json", "README.md", "LICENSE"])
    cpSync(join(root, name), join(place, name), { recursive: true });
  mkdirSync(join(place, "node_modules"));
  for (const name of readdirSync(join(root, "node_modules"))) {
    // The cache holds what was downloaded before.
    if (name !== ".cache" && name !== ".harmony-lock")
      symlinkSync(join(root, "node_modules", name), join(place, "node_modules", name), "junction");
  }
});

after(removeFolders);

function runScript(name: string, env: NodeJS.ProcessEnv): { code: number | null; output: string } {
  const done = spawnSync(node, ["--import", "./scripts/typescript/register.mjs", `scripts/${name}.ts`], {
    cwd: place,
    env: { ...process.env, ...env },
    encoding: "utf8",
    timeout: TIMEOUT_MS,
  });
  return { code: done.status, output: done.stdout + done.stderr };
}

describe("make build without a base for the Deno form", () => {
  it("builds the others, and says in a line what is missing and what to do", () => {
    const proxy = { HTTPS_PROXY: NOWHERE, https_proxy: NOWHERE, NO_PROXY: "", no_proxy: "" };
    const { code, output } = runScript("build", {
      ...proxy,
      DENO_DIR: join(place, "deno"),
      DENORT_BIN: undefined,
      DENO_COMPILE: undefined,
    });
    assert.equal(code, 0, output);
    const lines = output.trim().split("\n");
    assert.equal(lines.length, 2 * PROGRAMS.length, output);
    for (const name of PROGRAMS) {
      assert.ok(lines.some((line) => line.includes("✔") && line.includes(name)));
      const built = spawnSync(join(place, "dist", name + exe), ["--version"], { encoding: "utf8" });
      assert.match(built.stdout, new RegExp(`^${name} ${VERSION.replaceAll(".", "\\.")} \\(bun `));
      const missing = new RegExp(`- ${name}, compiled with Deno, was not built: .*could not get its base.*DENORT_BIN`);
      assert.ok(
        lines.some((line) => missing.test(line)),
        output,
      );
      assert.equal(existsSync(join(place, "dist/deno", name + exe)), false);
    }
  });
});

describe("make release", () => {
  it("makes an archive and its checksum for a system whose base is there, and names every other", () => {
    const { devDependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
      devDependencies: { bun: string };
    };
    const cache = join(place, "node_modules/.cache", `bun-${devDependencies.bun}-${SYSTEM}`, "package/bin");
    mkdirSync(cache, { recursive: true });
    cpSync(bun, join(cache, `bun${exe}`));
    const npm = { npm_config_offline: "true", npm_config_registry: NOWHERE, npm_config_cache: join(place, "npm") };
    const { code, output } = runScript("release", npm);
    assert.equal(code, 1, "some are missing");
    const archive = `harmony-${VERSION}-${SYSTEM}.tar.gz`;
    assert.ok(output.includes(`✔ ${archive}`), output);
    assert.equal(output.match(/✖ \S+: not built, npm could not fetch @oven\/bun-/g)?.length, 6, output);

    const release = join(place, "dist/release");
    assert.deepEqual(readdirSync(release).sort(), ["SHA256SUMS", archive]);
    const sum = createHash("sha256")
      .update(readFileSync(join(release, archive)))
      .digest("hex");
    // As sha256sum --check reads it.
    assert.equal(readFileSync(join(release, "SHA256SUMS"), "utf8"), `${sum}  ${archive}\n`);

    assert.equal(spawnSync("tar", ["-xzf", archive], { cwd: release }).status, 0);
    const folder = join(release, `harmony-${VERSION}-${SYSTEM}`);
    assert.deepEqual(
      readdirSync(folder).sort(),
      ["LICENSE", "README.md", ...PROGRAMS.map((name) => name + exe)].sort(),
    );
    for (const name of PROGRAMS) {
      const { stdout } = spawnSync(join(folder, name + exe), ["--version"], { encoding: "utf8" });
      assert.ok(stdout.startsWith(`${name} ${VERSION} `), stdout);
    }
  });
});

it("the client library of Redis is loaded by who has a group alone: nothing that a balancer always loads leads to it", async () => {
  const options = {
    bundle: true,
    splitting: true,
    write: false,
    metafile: true,
    format: "esm",
    platform: "node",
  } as const;
  const entry = join(root, "src/bin/harmony-balancer.ts");
  const { metafile } = await esbuild.build({
    ...{ ...options, entryPoints: [entry], outdir: place, conditions: ["node"], external: ["bun:*"] },
    absWorkingDir: root,
  });
  const loaded = new Set<string>(["src/bin/harmony-balancer.ts"]);
  for (const file of loaded) {
    for (const { kind, path } of metafile.inputs[file]?.imports ?? []) if (kind !== "dynamic-import") loaded.add(path);
  }
  const all = Object.keys(metafile.inputs);
  const ofRedis = all.filter((file) => /^node_modules\/@?ioredis|^src\/group\/redis\//.test(file));
  assert.ok(ofRedis.length > 10 && loaded.size > 300, `${ofRedis.length} of Redis, ${loaded.size} loaded`);
  assert.deepEqual(
    ofRedis.filter((file) => loaded.has(file)),
    [],
  );
});
