/** Bun's executables for other systems, to put our programs behind: its own npm packages, whose integrity npm checks. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { root } from "../runtimes.ts";
import type { BunTarget } from "./bun.ts";

/** Our name of a system → Bun's npm package. */
export const SYSTEMS: Readonly<Record<string, string>> = {
  "linux-x64": "bun-linux-x64",
  "linux-x64-musl": "bun-linux-x64-musl",
  "linux-arm64": "bun-linux-aarch64",
  "linux-arm64-musl": "bun-linux-aarch64-musl",
  "darwin-x64": "bun-darwin-x64",
  "darwin-arm64": "bun-darwin-aarch64",
  "windows-x64": "bun-windows-x64",
};

const { devDependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
  devDependencies: { bun: string };
};

/** Of the version in package.json; downloaded once. Or why it cannot be had. */
export function targetOf(system: string): BunTarget | { readonly missing: string } {
  const name = `@oven/${SYSTEMS[system]}`;
  const cache = join(root, "node_modules/.cache", `bun-${devDependencies.bun}-${system}`);
  const base = join(cache, "package/bin", system.startsWith("windows") ? "bun.exe" : "bun");
  const target = { name: `bun-${system}`, base };
  if (existsSync(base)) return target;
  mkdirSync(cache, { recursive: true });
  const args = ["pack", "--silent", "--pack-destination", cache, `${name}@${devDependencies.bun}`];
  const packed = spawnSync("npm", args, { encoding: "utf8", shell: process.platform === "win32" });
  if (packed.status !== 0) return { missing: `npm could not fetch ${name}@${devDependencies.bun}` };
  const tarball = packed.stdout.trim().split("\n").at(-1)!;
  const unpacked = spawnSync("tar", ["-xzf", tarball], { cwd: cache, encoding: "utf8" });
  rmSync(join(cache, tarball), { force: true });
  if (unpacked.status !== 0 || !existsSync(base)) return { missing: `${name} does not hold what was expected` };
  return target;
}
