/**
 * Checks that imports point one way only, from the programs down to util, that no files import each other in a circle, and
 * that files reach each other and the outside as the house rules say. Every offending line is named.
 * `check-imports.ts [FOLDER]`: another source folder, for its test.
 */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { dirname, join, relative, resolve } from "node:path";

/**
 * The rooms of src/, top to bottom. A room may import itself and every room in a line below its own; rooms in one line do
 * not know each other. A file belongs to the entry with the longest matching path.
 */
const ROOMS: readonly (readonly string[])[] = [
  ["bin"],
  ["index.ts"],
  ["app"],
  ["admin/dashboard/page"], // for browsers: nothing imports it, and it takes types alone from what is below, but for admin/shared
  ["admin"],
  ["admin/shared"], // what commands and the page do alike
  ["telemetry"],
  ["config"],
  ["control/server", "control/client"],
  ["control/keys"],
  ["group/redis"],
  ["group"],
  ["control/protocol"],
  ["targets"],
  ["tls"],
  ["engines/choose.ts"],
  ["engines/portable", "engines/linux/main"],
  ["engines/linux/worker"],
  ["engines/linux/shared"],
  ["engines/linux/sys"],
  ["engines/end-many.ts"],
  ["engines/engine.ts", "engines/predecessor.ts", "engines/reserve.ts"],
  ["tls/bridge-protocol.ts"], // what engines ask of it
  ["proxy"],
  ["edge"],
  ["pool"],
  ["pool/algorithms"],
  ["pool/layout.ts", "pool/lock.ts", "pool/rendezvous.ts"], // from here on what algorithms work with
  ["pool/tree.ts"],
  ["pool/cutter.ts", "pool/header.ts", "pool/random-words.ts", "pool/sip-hash.ts"],
  ["net/bun", "net/deno", "net/memory"],
  ["net/node"],
  ["net"],
  ["host"],
  ["util"],
];
/** Where only the types of a lower room may be used. */
const TYPES_ONLY = ["pool → net", "admin/dashboard/page → admin"];
/** Where `#runtime`, the adapter of the runtime at hand, is not to be imported: the adapters, and what has to stay pure. */
const NO_RUNTIME = ["net", "pool", "util", "proxy", "edge", "targets", "control", "group"];
/** Which npm packages a room may use, by its folder or the nearest one around it. */
const PACKAGES: Record<string, readonly string[]> = {
  util: ["ipaddr.js"],
  control: ["zod"],
  config: ["commander", "smol-toml", "zod"],
  admin: ["hono", "zod"],
  app: ["zod"],
  group: ["zod"],
  "group/redis": ["ioredis"],
  "admin/dashboard/page": ["uplot"],
  bin: ["@logtape/logtape"],
};
// 50 to 250 is the habit; this is where a check has to speak up.
const MAX_LINES = 400;

interface Import {
  readonly specifier: string;
  readonly typeOnly: boolean;
  readonly line: number;
}

const src = resolve(process.argv[2] ?? "src");
const rooms = ROOMS.flat().sort((a, b) => b.length - a.length);
const builtins = new Set(builtinModules);
const files = readdirSync(src, { recursive: true, encoding: "utf8" })
  .map((file) => file.replaceAll("\\", "/"))
  .filter((file) => file.endsWith(".ts"))
  .sort();
/** File → the files it imports, types included, as paths in src/. */
const graph = new Map<string, readonly string[]>();

const problems = [...files.flatMap(checkFile), ...circles()];
for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exit(1);

function checkFile(file: string): string[] {
  const text = readFileSync(join(src, file), "utf8");
  const name = relative(process.cwd(), join(src, file));
  const found = [...imports(text)];
  graph.set(
    file,
    found.flatMap(({ specifier }) => (specifier.startsWith(".") ? [targetOf(file, specifier)] : [])),
  );
  const complaints: string[] = [];
  const lines = text.split("\n").length - 1;
  if (lines > MAX_LINES) complaints.push(`${name}: ${lines} lines; split it, at most ${MAX_LINES}`);
  if (roomOf(file) === undefined) complaints.push(`${name}: scripts/check-imports.ts does not know its room`);
  for (const each of found) {
    const complaint = judge(file, each);
    if (complaint !== undefined) complaints.push(`${name}:${each.line}: "${each.specifier}": ${complaint}`);
  }
  return complaints;
}

function judge(file: string, { specifier, typeOnly }: Import): string | undefined {
  const top = file.split("/")[0]!;
  if (specifier === "#runtime")
    return NO_RUNTIME.includes(top) ? `${top} is handed its runtime, or has none` : undefined;
  if (specifier === "#ffi")
    return file.startsWith("engines/linux/") ? undefined : "only the linux engine calls the C library";
  if (specifier.startsWith("node:")) return undefined;
  if (/^bun(:|$)/.test(specifier))
    return /\bbun(\.ts$|\/)/.test(file) ? undefined : "only bun.ts, or a folder bun/, knows Bun's own modules";
  if (builtins.has(specifier)) return `write "node:${specifier}"`;
  if (!specifier.startsWith(".")) {
    const name = specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
    return packagesOf(file).includes(name) ? undefined : `${top} does not use this package`;
  }
  const target = targetOf(file, specifier);
  if (!specifier.endsWith(".ts")) return "a relative import ends with .ts";
  if (!existsSync(join(src, target))) return "no such file";
  if (target.startsWith("..")) return "src imports nothing outside of src";
  return direction(roomOf(file) ?? "", roomOf(target) ?? "", typeOnly);
}

function direction(from: string, to: string, typeOnly: boolean): string | undefined {
  if (from === to) return undefined;
  if (levelOf(from) >= levelOf(to)) return `${from} may not import ${to}`;
  return TYPES_ONLY.includes(`${from} → ${to}`) && !typeOnly ? `${from} imports only types of ${to}` : undefined;
}

/** Those of its own folder, or of the nearest one around it. */
function packagesOf(file: string): readonly string[] {
  const folders = Object.keys(PACKAGES).filter((folder) => file.startsWith(`${folder}/`));
  return PACKAGES[folders.sort((a, b) => b.length - a.length)[0] ?? ""] ?? [];
}

function targetOf(file: string, specifier: string): string {
  return relative(src, resolve(src, dirname(file), specifier)).replaceAll("\\", "/");
}

function roomOf(file: string): string | undefined {
  return rooms.find((room) => file === room || file.startsWith(`${room}/`));
}

function levelOf(room: string): number {
  return ROOMS.findIndex((line) => line.includes(room));
}

/** Every group of files that reach each other, by Tarjan's algorithm: a circle through types is one too. */
function circles(): string[] {
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const found: string[] = [];
  const visit = (file: string): void => {
    index.set(file, index.size);
    low.set(file, index.get(file)!);
    stack.push(file);
    for (const next of graph.get(file) ?? []) {
      if (!graph.has(next)) continue;
      if (!index.has(next)) visit(next);
      if (stack.includes(next)) low.set(file, Math.min(low.get(file)!, low.get(next)!));
    }
    if (low.get(file) !== index.get(file)) return;
    const group = stack.splice(stack.indexOf(file));
    if (group.length > 1) found.push(`a circle of imports: ${group.sort().join(", ")}`);
  };
  for (const file of files) if (!index.has(file)) visit(file);
  return found;
}

/** Static imports, re-exports, `import()` and `new URL("…", import.meta.url)` (how workers are named). */
function* imports(text: string): Generator<Import> {
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
