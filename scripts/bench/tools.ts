/** What a benchmark needs that does not come with the project. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";

/** Where a command is, or a file that is named by its path; null if it is not installed. */
export function which(tool: string): string | null {
  if (tool.includes("/")) return existsSync(tool) ? tool : null;
  const { status, stdout } = spawnSync("sh", ["-c", 'command -v "$1"', "-", tool], { encoding: "utf8" });
  return status === 0 ? stdout.trim() : null;
}

/** Takes commands or files with the Debian packages they come from; says everything that is missing at once, and ends. */
export function requireTools(packages: Record<string, string>): void {
  const missing = Object.keys(packages).filter((tool) => which(tool) === null);
  if (missing.length === 0) return;
  const names = new Set(missing.flatMap((tool) => packages[tool]!.split(" ")));
  console.error(`Not installed: ${missing.join(", ")}. On Debian: apt-get install ${[...names].join(" ")}`);
  process.exit(1);
}
