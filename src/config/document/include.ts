/** The files that a document includes: `include = ["conf.d/*.toml"]`, in the order of their names, relative to the file that says so. */
import { existsSync, readdirSync } from "node:fs";
import { basename, dirname, isAbsolute, join, resolve } from "node:path";
import { isAbsence, messageOf } from "../../util/errors.ts";
import { isStream } from "../../util/streams.ts";
import type { TomlTable } from "./toml-table.ts";

export const INCLUDE = "include";
/** Which file, and where it is asked for. */
export interface Included {
  readonly path: string;
  readonly at: string;
}

/** `path`: of the file that includes them. */
export function includedFiles(file: TomlTable, path: string, problems: string[]): Included[] {
  const wanted = file.values[INCLUDE];
  if (wanted === undefined) return [];
  const patterns = Array.isArray(wanted) ? wanted : [wanted];
  const found = new Map<string, Included>();
  patterns.forEach((pattern: unknown, index) => {
    const at = file.valueAt(INCLUDE, Array.isArray(wanted) ? index : undefined);
    if (typeof pattern !== "string" || pattern === "") {
      problems.push(`${at}: ${INCLUDE}: give paths such as "conf.d/*.toml"`);
      return;
    }
    // A file that two patterns match is included once.
    for (const each of matching(isAbsolute(pattern) ? pattern : join(dirname(path), pattern), pattern, at, problems)) {
      if (isStream(each)) problems.push(`${at}: ${INCLUDE} "${pattern}": ${each} is no regular file`);
      else found.set(resolve(each), { path: each, at });
    }
  });
  found.delete(resolve(path)); // `*.toml` beside the file itself
  return [...found.values()];
}

/** Of the folder there may be no file that matches; but if there is no folder, that is a mistake. */
function matching(path: string, pattern: string, at: string, problems: string[]): string[] {
  const [folder, name] = [dirname(path), basename(path)];
  if (/[*?]/.test(folder))
    problems.push(`${at}: ${INCLUDE} "${pattern}": * and ? stand for parts of a file's name, not of its folder`);
  else if (!/[*?]/.test(name)) {
    if (existsSync(path)) return [path];
    problems.push(`${at}: ${INCLUDE} "${pattern}": there is no such file`);
  } else {
    try {
      const names = readdirSync(folder).filter((each) => patternOf(name).test(each));
      return names.sort().map((each) => join(folder, each));
    } catch (error) {
      const why = isAbsence(error) ? `there is no folder ${folder}` : messageOf(error);
      problems.push(`${at}: ${INCLUDE} "${pattern}": ${why}`);
    }
  }
  return [];
}

/** As in shells: * is any number of letters, ? is one, and a file whose name begins with a dot is not meant by either. */
function patternOf(glob: string): RegExp {
  const source = glob
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replace(/\*+/g, ".*") // one for several: each could take any part of a name, and all ways would be tried
    .replaceAll("?", ".");
  return new RegExp(`^${/^[*?]/.test(glob) ? "(?!\\.)" : ""}${source}$`);
}
