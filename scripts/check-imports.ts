/**
 * Checks that imports point one way only, from the programs down to util, and that files reach each other and the outside as
 * the house rules say. Every offending line is named. `check-imports.ts [FOLDER]`: another source folder, for its test.
 */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { dirname, join, relative, resolve } from "node:path";

/** What each part of src/ may import; a part may always import itself. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  util: [],
  runtime: ["util"],
  pool: ["runtime", "util"],
  control: ["pool", "runtime", "util"],
  engine: ["pool", "runtime", "util"],
  admin: ["pool", "runtime", "util"],
  config: ["control", "engine", "pool", "runtime", "util"],
  wiring: ["config", "admin", "control", "engine", "pool", "runtime", "util"], // balancer.ts, reporter.ts
  index: ["wiring", "config", "admin", "control", "engine", "pool", "runtime", "util"],
  bin: ["index", "wiring", "config", "admin", "control", "engine", "pool", "runtime", "util"],
};
/** Where only the types of another part may be used. */
const TYPES_ONLY = ["pool → runtime"];
/** Which npm packages a part may use. */
const PACKAGES: Record<string, readonly string[]> = {
  runtime: [],
  pool: ["ipaddr.js"],
  util: [],
  engine: ["ipaddr.js"],
  control: ["ipaddr.js", "zod"],
  config: ["commander", "ipaddr.js", "smol-toml", "zod"],
  admin: ["hono", "prom-client"],
  wiring: [],
  index: [],
  bin: ["@logtape/logtape"],
};
// 50 to 250 is the habit; this is where a check has to speak up.
const MAX_LINES = 400;

const src = resolve(process.argv[2] ?? "src");
const problems: string[] = [];
const builtins = new Set(builtinModules);

for (const file of readdirSync(src, { recursive: true, encoding: "utf8" }).sort()) {
  if (file.endsWith(".ts")) checkFile(join(src, file));
}
for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exit(1);

function checkFile(file: string): void {
  const text = readFileSync(file, "utf8");
  const from = part(file);
  const name = relative(process.cwd(), file);
  const lines = text.split("\n").length - 1;
  if (lines > MAX_LINES) problems.push(`${name}: ${lines} lines; split it, at most ${MAX_LINES}`);
  if (!(from in MAY_IMPORT)) problems.push(`${name}: scripts/check-imports.ts does not know the part "${from}"`);
  for (const { specifier, typeOnly, line } of imports(text)) {
    const problem = judge(file, from, specifier, typeOnly);
    if (problem) problems.push(`${name}:${line}: "${specifier}": ${problem}`);
  }
}

function judge(file: string, from: string, specifier: string, typeOnly: boolean): string | undefined {
  if (specifier === "#runtime")
    return from === "runtime" ? "the adapters do not import the chosen one" : direction(from, "runtime", typeOnly);
  if (specifier === "#ffi") return from === "engine" ? undefined : "only the linux engine calls the C library";
  if (specifier.startsWith("node:") || /^bun(:|$)/.test(specifier)) {
    return specifier.startsWith("bun") && !/\bbun\.ts$/.test(file)
      ? "only a file called bun.ts knows Bun's own modules"
      : undefined;
  }
  if (builtins.has(specifier)) return `write "node:${specifier}"`;
  if (!specifier.startsWith(".")) {
    const name = specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
    return PACKAGES[from]?.includes(name) ? undefined : `${from} does not use this package`;
  }
  const target = resolve(dirname(file), specifier);
  if (!specifier.endsWith(".ts")) return "a relative import ends with .ts";
  if (!existsSync(target)) return "no such file";
  if (relative(src, target).startsWith("..")) return "src imports nothing outside of src";
  return direction(from, part(target), typeOnly);
}

function direction(from: string, to: string, typeOnly: boolean): string | undefined {
  if (from === to) return undefined;
  if (!MAY_IMPORT[from]?.includes(to)) return `${from} may not import ${to}`;
  return TYPES_ONLY.includes(`${from} → ${to}`) && !typeOnly ? `${from} imports only types of ${to}` : undefined;
}

function part(file: string): string {
  const [top, ...rest] = relative(src, file).split(/[\\/]/);
  if (rest.length > 0) return top!;
  return top === "index.ts" ? "index" : "wiring";
}

/** Static imports, re-exports, `import()` and `new URL("…", import.meta.url)` (how workers are named). */
function* imports(text: string): Generator<{ specifier: string; typeOnly: boolean; line: number }> {
  const patterns = [
    /^(?:import|export)\b(?<clause>[^"';]*?)\bfrom\s*"(?<specifier>[^"]+)"/gm,
    /^import\s*"(?<specifier>[^"]+)"/gm,
    /\bimport\(\s*"(?<specifier>[^"]+)"/g,
    /\bnew URL\(\s*"(?<specifier>\.[^"]+)",\s*import\.meta\.url/g,
  ];
  for (const pattern of patterns) {
    for (const match of text.matchAll(pattern)) {
      const { clause = "", specifier } = match.groups!;
      const names = /\{([^}]*)\}/
        .exec(clause)?.[1]
        ?.split(",")
        .map((name) => name.trim())
        .filter(Boolean);
      const typeOnly = /^\s*type\b/.test(clause) || (names?.every((name) => name.startsWith("type ")) ?? false);
      yield { specifier: specifier!, typeOnly, line: text.slice(0, match.index).split("\n").length };
    }
  }
}
