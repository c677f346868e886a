/** What documents show works: their commands run, on a machine of their own. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { bundle } from "../../../scripts/build/bundle.ts";
import { loader, node, root } from "../../../scripts/runtimes.ts";
import { folder, isolated, onMachine } from "../../library/machine.ts";
import { removeFolders, temporaryFolder } from "../../support/folder.ts";
import { documents, text } from "./all.ts";
import { readScript } from "./script.ts";

const bundles = temporaryFolder("bundles");

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

/** Tests that run all that those documents show. Their files are two, since each takes minutes on a small machine. */
export function showsWhatWorks(isOne: (file: string) => boolean): void {
  describe("what they show", { skip, concurrency: 2 }, () => testsOf(documents.filter(isOne)));
  after(() => {
    rmSync(folder, { recursive: true });
    removeFolders();
  });
}

function testsOf(files: readonly string[]): void {
  before(makeBundles);

  for (const file of files.filter((each) =>
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
}
