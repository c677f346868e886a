/**
 * `make release`: the Bun form of both programs for every system, cross-compiled here, one archive each in dist/release with
 * SHA256SUMS. The base of a target is Bun's own npm package for that system, of the version in package.json, and npm checks
 * its integrity. A target whose base cannot be had is named with the reason, and the exit code is then 1.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type BunTarget, compileWithBun } from "./build/bun.ts";
import { programs } from "./build/programs.ts";
import { root } from "./runtimes.ts";

/** Our name of a system → Bun's npm package. */
const SYSTEMS: Readonly<Record<string, string>> = {
  "linux-x64": "bun-linux-x64",
  "linux-x64-musl": "bun-linux-x64-musl",
  "linux-arm64": "bun-linux-aarch64",
  "linux-arm64-musl": "bun-linux-aarch64-musl",
  "darwin-x64": "bun-darwin-x64",
  "darwin-arm64": "bun-darwin-aarch64",
  "windows-x64": "bun-windows-x64",
};

const { version, devDependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
  version: string;
  devDependencies: { bun: string };
};
const folder = join(root, "dist/release");
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });

const sums: string[] = [];
for (const [system, packageName] of Object.entries(SYSTEMS)) {
  const base = fetchBase(`@oven/${packageName}`, system);
  if (typeof base !== "string") {
    console.log(`✖ ${system}: not built, ${base.missing}`);
    process.exitCode = 1;
    continue;
  }
  const archive = await buildArchive(system, { name: `bun-${system}`, base });
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

function fetchBase(name: string, system: string): string | { missing: string } {
  const cache = join(root, "node_modules/.cache", `bun-${devDependencies.bun}-${system}`);
  const base = join(cache, "package/bin", system.startsWith("windows") ? "bun.exe" : "bun");
  if (existsSync(base)) return base;
  mkdirSync(cache, { recursive: true });
  const args = ["pack", "--silent", "--pack-destination", cache, `${name}@${devDependencies.bun}`];
  const packed = spawnSync("npm", args, { encoding: "utf8", shell: process.platform === "win32" });
  if (packed.status !== 0) return { missing: `npm could not fetch ${name}@${devDependencies.bun}` };
  const tarball = packed.stdout.trim().split("\n").at(-1)!;
  const unpacked = spawnSync("tar", ["-xzf", tarball], { cwd: cache, encoding: "utf8" });
  rmSync(join(cache, tarball), { force: true });
  if (unpacked.status !== 0 || !existsSync(base)) return { missing: `${name} does not hold what was expected` };
  return base;
}
