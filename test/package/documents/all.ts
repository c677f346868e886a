/** The documents of the project: all that are written in Markdown, whether they are committed yet or not. */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../../../scripts/runtimes.ts";

export const text = (file: string): string => readFileSync(join(root, file), "utf8");

export const listed = spawnSync("git", ["ls-files", "--cached", "--others", "--exclude-standard", "*.md"], {
  cwd: root,
  encoding: "utf8",
});

export const documents: readonly string[] = listed.stdout
  .split("\n")
  .filter((file) => file !== "" && existsSync(join(root, file)));
