/**
 * `make deb`: Debian packages of both programs, for amd64 and arm64, in dist/deb. An architecture whose base cannot be had is named with
 * the reason, and the exit code is then 1.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join, relative } from "node:path";
import { targetOf } from "./build/bases.ts";
import { compileWithBun } from "./build/bun.ts";
import { programs, removeFolder } from "./build/programs.ts";
import { type Architecture, buildPackage } from "./deb/build.ts";
import { packages } from "./deb/packages.ts";
import { root } from "./runtimes.ts";

const SYSTEM_OF: Readonly<Record<Architecture, string>> = { amd64: "linux-x64", arm64: "linux-arm64" };
/** Of zstd: more takes minutes and saves little. */
const LEVEL = 10;

const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
const folder = join(root, "dist/deb");
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });

for (const [architecture, system] of Object.entries(SYSTEM_OF) as [Architecture, string][]) {
  const target = targetOf(system);
  if ("missing" in target) {
    console.log(`✖ ${architecture}: not built, ${target.missing}`);
    process.exitCode = 1;
    continue;
  }
  const place = mkdtempSync(join(folder, ".build-"));
  for (const debian of packages) {
    const program = join(place, debian.name);
    await compileWithBun(programs.find(({ name }) => name === debian.name)!, program, target);
    const file = buildPackage(debian, { version, architecture, program, level: LEVEL }, folder);
    console.log(`✔ ${relative(root, file)}`);
  }
  removeFolder(place);
}
