/** Checks that the folder listing in ARCHITECTURE.md and the tree have the same folders. */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";

const listing = /<!-- listing -->\n```\n(.*?)```\n<!-- \/listing -->/s.exec(
  readFileSync("ARCHITECTURE.md", "utf8"),
)?.[1];
if (listing === undefined) {
  console.error("ARCHITECTURE.md holds no folder listing between <!-- listing --> and <!-- /listing -->");
  process.exit(1);
}

const listed = new Set(readListing(listing));
// What git knows, and what is new and not ignored; a file that was deleted but not yet committed is gone.
const git = spawnSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], { encoding: "utf8" });
const files = git.stdout.split("\n").filter((file) => file && existsSync(file));

const problems = [
  ...[...listed]
    .filter((entry) => !existsSync(entry))
    .map((entry) => `ARCHITECTURE.md lists ${entry}, which is not there`),
  ...files
    .filter((file) => !covered(file))
    .map((file) => `ARCHITECTURE.md does not list ${file}, nor a folder as a whole around it`),
];
for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exitCode = 1;

/** A folder's entry covers the files in it; the folders in it too, unless it lists some: then it has to list them all. */
function covered(file: string): boolean {
  if (listed.has(file)) return true;
  const parts = file.split("/");
  for (let depth = parts.length - 1; depth > 0; depth--) {
    const folder = `${parts.slice(0, depth).join("/")}/`;
    if (!listed.has(folder)) continue;
    const listsFolders = [...listed].some(
      (entry) => entry !== folder && entry.startsWith(folder) && entry.endsWith("/"),
    );
    return depth === parts.length - 1 || !listsFolders;
  }
  return false;
}

/** Two spaces a level; a line is one or several names, then two or more spaces and what it is. Folders end with a slash. */
function* readListing(text: string): Generator<string> {
  const folders: string[] = [];
  for (const line of text.split("\n").filter((row) => row.trim())) {
    const depth = /^ */.exec(line)![0].length / 2;
    const names = line.trim().split(/ {2,}/)[0]!.split(" ");
    for (const name of names) {
      const path = [...folders.slice(0, depth), name].join("");
      yield path;
      if (name.endsWith("/")) folders.splice(depth, Infinity, name);
    }
  }
}
