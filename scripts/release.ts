/**
 * `make release`: the Bun form of both programs for every system, cross-compiled here, one archive each in dist/release with
 * SHA256SUMS. A target whose base cannot be had is named with the reason, and the exit code is then 1.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SYSTEMS, targetOf } from "./build/bases.ts";
import { type BunTarget, compileWithBun } from "./build/bun.ts";
import { programs } from "./build/programs.ts";
import { root } from "./runtimes.ts";

const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
const folder = join(root, "dist/release");
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });

const sums: string[] = [];
for (const system of Object.keys(SYSTEMS)) {
  const target = targetOf(system);
  if ("missing" in target) {
    console.log(`✖ ${system}: not built, ${target.missing}`);
    process.exitCode = 1;
    continue;
  }
  const archive = await buildArchive(system, target);
  const sum = createHash("sha256")
    .update(readFileSync(join(folder, archive)))
    .digest("hex");
  sums.push(`${sum}  ${archive}`);
  console.log(`✔ ${archive}`);
}
writeFileSync(join(folder, "SHA256SUMS"), sums.map((line) => `${line}\n`).join(""));

/** Both programs, the licence and the README, in a folder of the archive's name. Returns the archive's file name. */
async function buildArchive(system: string, target: BunTarget): Promise<string> {
  const name = `harmony-${version}-${system}`;
  const exe = system.startsWith("windows") ? ".exe" : "";
  for (const program of programs) await compileWithBun(program, join(folder, name, program.name + exe), target);
  for (const file of ["README.md", "LICENSE"]) copyFileSync(join(root, file), join(folder, name, file));
  const { status, stderr } = spawnSync("tar", ["-czf", `${name}.tar.gz`, name], { cwd: folder, encoding: "utf8" });
  if (status !== 0) throw new Error(`tar failed: ${stderr}`);
  rmSync(join(folder, name), { recursive: true });
  return `${name}.tar.gz`;
}
