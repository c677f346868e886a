/** What the documents show works: commands run, files are read, links lead somewhere. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { bundle } from "../../scripts/build/bundle.ts";
import { loader, node, root } from "../../scripts/runtimes.ts";
import { folder, isolated, onMachine } from "../library/machine.ts";
import { removeFolders, temporaryFolder } from "../support/folder.ts";
import { readScript } from "./documents/script.ts";

const bundles = temporaryFolder("bundles");
after(() => {
  rmSync(folder, { recursive: true });
  removeFolders();
});

const text = (file: string): string => readFileSync(join(root, file), "utf8");
const listed = spawnSync("git", ["ls-files", "--cached", "--others", "--exclude-standard", "*.md"], {
  cwd: root,
  encoding: "utf8",
});
const documents = listed.stdout.split("\n").filter((file) => file !== "" && existsSync(join(root, file)));
const targets = new Set([...text("Makefile").matchAll(/^([a-z-]+):/gm)].map(([, name]) => name));
const scripts = (JSON.parse(text("package.json")) as { scripts: Record<string, string> }).scripts;

/** A heading's anchor, as GitHub makes it. */
function anchors(markdown: string): Set<string> {
  const headings = markdown.replace(/^```[\s\S]*?^```$/gm, "").matchAll(/^#+ (.*)$/gm);
  return new Set(
    [...headings].map(([, heading]) =>
      heading!
        .toLowerCase()
        .replace(/[^\p{L}\p{N}_ -]/gu, "")
        .replaceAll(" ", "-"),
    ),
  );
}

describe("the documents", () => {
  it("are found", () => assert.ok(documents.includes("README.md") && documents.length > 10, listed.stderr));

  it("the first one fits on a few screens", () => assert.ok(text("README.md").trimEnd().split("\n").length <= 150));

  for (const file of documents) {
    it(`${file} links to what is there`, () => {
      for (const [, link] of text(file).matchAll(/\]\(([^)\s]+)\)/g)) {
        if (/^[a-z]+:/.test(link!)) continue;
        const [path, anchor] = link!.split("#") as [string, string?];
        const target = path === "" ? file : join(dirname(file), path);
        assert.ok(existsSync(join(root, target)), `${link}: ${target} is not there`);
        if (anchor !== undefined)
          assert.ok(anchors(text(target)).has(anchor), `${link}: ${target} has no such heading`);
      }
    });

    it(`${file} names make targets and npm scripts that exist`, () => {
      const code = [...text(file).matchAll(/^```sh\n([\s\S]*?)^```$|^ {4}(.*)$|`([^`\n]+)`/gm)].map((match) =>
        match.slice(1).join(""),
      );
      for (const [, name] of code.join("\n").matchAll(/^make ([a-z-]+)/gm)) {
        assert.ok(targets.has(name!), `make ${name} is not there`);
      }
      for (const [, run, name = run] of code.join("\n").matchAll(/\bnpm (?:run ([a-z-]+)|(test|start))\b/g)) {
        assert.ok(scripts[name!], `npm run ${name} is not there`);
      }
    });

    it(`${file} says of each command how it is run`, () => {
      for (const step of readScript(text(file)))
        assert.ok(step.kind !== "problem", `${file}:${step.line}: ${"text" in step ? step.text : ""}`);
    });
  }
});

describe("the messages of docs/troubleshooting.md", () => {
  const source = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .map((file) => text(join("src", file)))
    .join("\n");
  const headings = [...text("docs/troubleshooting.md").matchAll(/^### `.*`$/gm)].join("\n");
  for (const [, message] of headings.matchAll(/`([^`]+)`/g)) {
    it(`${message} is in the source`, () => {
      // Messages are put together from parts: what is left out, and what follows a colon, stands elsewhere.
      for (const part of message!
        .split(/…|: /)
        .map((each) => each.trim())
        .filter((each) => each !== "")) {
        assert.ok(source.includes(part), `no message holds "${part}"`);
      }
    });
  }
});

const curl = spawnSync("curl", ["--version"]).status === 0;
const skip = !isolated ? "no machine of its own can be had here (unshare)" : !curl && "no curl";

/** The programs and the library as single files, which start several times as fast as the source. */
async function makeBundles(): Promise<void> {
  const library = join(bundles, "node_modules/node-harmony");
  mkdirSync(library, { recursive: true });
  writeFileSync(join(library, "package.json"), '{ "exports": "./index.mjs" }');
  const condition = "node";
  await bundle("src/index.ts", join(library, "index.mjs"), { condition });
  for (const name of ["harmony-balancer", "harmony-reporter"]) {
    await bundle(`src/bin/${name}.ts`, join(bundles, `${name}.mjs`), { condition });
  }
}

describe("what they show", { skip, concurrency: 2 }, () => {
  before(makeBundles);

  for (const file of documents.filter((each) =>
    readScript(text(each)).some(({ kind }) => kind === "run" || kind === "start"),
  )) {
    it(`${file} works`, async () => {
      const [command, ...args] = onMachine([node, "--import", loader, "test/package/documents/run.ts", file, bundles]);
      const child = spawn(command!, args, { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
      let output = "";
      for (const stream of [child.stdout, child.stderr]) {
        stream.on("data", (bytes: Buffer) => {
          output += bytes.toString();
        });
      }
      const code = await new Promise((resolve) => child.once("close", resolve));
      assert.equal(code, 0, output);
    });
  }
});
