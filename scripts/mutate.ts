/**
 * `make mutate`: would the tests notice? Changes one place of the source after the other, runs the tests of its room in a
 * process, and lists the changes that no test noticed. FILE=… takes only places whose `path:line` begins so, SAMPLE=50 that many
 * of each room, drawn by SEED=…: the same ones as long as their lines stay as they are. What survives is to be read one by one: a
 * test is missing, or the change makes no difference, which mutate/equivalents.ts is then told.
 */
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { EQUIVALENTS } from "./mutate/equivalents.ts";
import { type Mutant, mutantsOf, mutated } from "./mutate/mutants.ts";
import { ROOMS, type Room, sourcesOf, testsOf } from "./mutate/rooms.ts";
import { loader, node, root } from "./runtimes.ts";
import { run } from "./test/process.ts";

/** A mutant that takes this many times as long as the source hangs; the ms are for a machine that is busy. */
const SLOWER = 4;
const SPARE_MS = 5_000;
/** ms for the tests of the unchanged source. */
const BASELINE_MS = 300_000;

const { FILE = "", SAMPLE = "" } = process.env;
const SEED = process.env.SEED || String(Date.now() % 1_000_000);
const folder = mkdtempSync(join(tmpdir(), "harmony-mutant-"));

interface Candidate {
  readonly file: string;
  readonly text: string;
  readonly mutant: Mutant;
  /** The changed line, or lines, before and after. */
  readonly before: string;
  readonly after: string;
}

type Verdict = "noticed" | "hung" | "equivalent" | "survived";

try {
  console.log(`SEED=${SEED}`);
  for (const room of ROOMS) await mutateRoom(room);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function mutateRoom(room: Room): Promise<void> {
  const chosen = sample(candidatesOf(room));
  if (chosen.length === 0) return;
  const limits = new Map<string, number>();
  const counts: Record<Verdict, number> = { noticed: 0, hung: 0, equivalent: 0, survived: 0 };
  for (const candidate of chosen) {
    const tests = testsOf(room, candidate.file);
    const key = tests.join(" ");
    if (!limits.has(key)) limits.set(key, await limitOf(tests));
    const verdict = await judge(candidate, tests, limits.get(key)!);
    counts[verdict]++;
    if (verdict === "survived" || verdict === "hung") console.log(`${verdict}: ${describe(candidate)}`);
  }
  const { noticed, hung, equivalent, survived } = counts;
  const score = Math.round((1000 * (noticed + hung)) / (noticed + hung + survived)) / 10;
  console.log(
    `${room.name}: of ${chosen.length} mutants ${noticed} were noticed and ${hung} hung, ${equivalent} are equivalent, ${survived} survived (${score} %)`,
  );
}

function candidatesOf(room: Room): Candidate[] {
  return sourcesOf(room).flatMap((file) => {
    const text = readFileSync(join(root, file), "utf8");
    return mutantsOf(text)
      .filter(({ line }) => `${file}:${line}`.startsWith(FILE))
      .map((mutant) => ({ file, text, mutant, ...linesOf(text, mutant) }));
  });
}

/** SAMPLE of them, in the order of the source. */
function sample(all: Candidate[]): Candidate[] {
  if (SAMPLE === "") return all;
  const draws = all.map((candidate, index) => ({ candidate, index, draw: drawOf(candidate) }));
  const drawn = draws.sort((a, b) => (a.draw < b.draw ? -1 : 1)).slice(0, Number(SAMPLE));
  return drawn.sort((a, b) => a.index - b.index).map(({ candidate }) => candidate);
}

/** Of a candidate alone, so that changes elsewhere leave the others in the sample. */
function drawOf({ file, before, after }: Candidate): string {
  return createHash("sha256").update([SEED, file, before, after].join("\n")).digest("hex");
}

/** ms that the tests may take; throws where they fail as the source stands. */
async function limitOf(tests: readonly string[]): Promise<number> {
  const { code, output, seconds } = await runTests(tests, {}, BASELINE_MS);
  if (code !== 0) throw new Error(`the tests fail without any change:\n${output}`);
  return seconds * 1000 * SLOWER + SPARE_MS;
}

async function judge(candidate: Candidate, tests: readonly string[], timeout: number): Promise<Verdict> {
  const { file, text, mutant, before, after } = candidate;
  if (EQUIVALENTS.some((one) => one.file === file && one.before === before && one.after === after)) return "equivalent";
  const changed = join(folder, "changed.ts");
  writeFileSync(changed, mutated(text, mutant));
  const env = { HARMONY_MUTANT: pathToFileURL(join(root, file)).href, HARMONY_MUTANT_TEXT: changed };
  const { code, seconds } = await runTests(tests, env, timeout);
  if (code === 0) return "survived";
  return seconds * 1000 >= timeout ? "hung" : "noticed";
}

function runTests(tests: readonly string[], env: Record<string, string>, timeout: number) {
  const reporter = pathToFileURL(join(root, "scripts/mutate/first-failure.mjs")).href;
  const options = ["--import", loader, `--test-reporter=${reporter}`, "--test-reporter-destination=stdout"];
  const command = [node, ...options, join(root, "scripts/mutate/run-tests.ts"), ...tests];
  return run(command, { env: { ...process.env, SEED, ...env }, timeout });
}

function linesOf(text: string, { from, to, replacement }: Mutant): { before: string; after: string } {
  const lineStart = text.lastIndexOf("\n", from) + 1;
  const lineEnd = text.indexOf("\n", to);
  const after = text.slice(lineStart, from) + replacement + text.slice(to, lineEnd);
  return { before: text.slice(lineStart, lineEnd).trim(), after: after.trim() };
}

function describe({ file, mutant, before, after }: Candidate): string {
  return `${file}:${mutant.line}\n  - ${before}\n  + ${after}`;
}
