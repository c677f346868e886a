/**
 * `make mutate`: would the tests notice? Changes one place of the source after the other, runs the tests of its room in a
 * process, and lists the changes that no test noticed. FILE=… takes only paths that begin so, SAMPLE=50 that many of each room,
 * drawn by SEED=…. What survives is to be read one by one: a test is missing, or the change makes no difference.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
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
}

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
  let killed = 0;
  for (const { file, text, mutant } of chosen) {
    const tests = testsOf(room, file);
    const key = tests.join(" ");
    if (!limits.has(key)) limits.set(key, await limitOf(tests));
    if (await isNoticed(file, mutated(text, mutant), tests, limits.get(key)!)) killed += 1;
    else console.log(describeSurvivor(file, text, mutant));
  }
  const score = Math.round((1000 * killed) / chosen.length) / 10;
  console.log(`${room.name}: ${killed} of ${chosen.length} mutants noticed (${score} %)`);
}

function candidatesOf(room: Room): Candidate[] {
  const files = sourcesOf(room).filter((file) => file.startsWith(FILE));
  return files.flatMap((file) => {
    const text = readFileSync(join(root, file), "utf8");
    return mutantsOf(text).map((mutant) => ({ file, text, mutant }));
  });
}

/** SAMPLE of them, in the order of the source. */
function sample(all: Candidate[]): Candidate[] {
  if (SAMPLE === "") return all;
  let state = Number(SEED) >>> 0;
  const draws = all.map((candidate, index) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return { candidate, index, draw: state };
  });
  const drawn = draws.sort((a, b) => a.draw - b.draw).slice(0, Number(SAMPLE));
  return drawn.sort((a, b) => a.index - b.index).map(({ candidate }) => candidate);
}

/** ms that the tests may take; throws where they fail as the source stands. */
async function limitOf(tests: readonly string[]): Promise<number> {
  const { code, output, seconds } = await runTests(tests, {}, BASELINE_MS);
  if (code !== 0) throw new Error(`the tests fail without any change:\n${output}`);
  return seconds * 1000 * SLOWER + SPARE_MS;
}

async function isNoticed(file: string, text: string, tests: readonly string[], timeout: number): Promise<boolean> {
  const changed = join(folder, "changed.ts");
  writeFileSync(changed, text);
  const env = { HARMONY_MUTANT: pathToFileURL(join(root, file)).href, HARMONY_MUTANT_TEXT: changed };
  return (await runTests(tests, env, timeout)).code !== 0;
}

function runTests(tests: readonly string[], env: Record<string, string>, timeout: number) {
  const reporter = pathToFileURL(join(root, "scripts/mutate/first-failure.mjs")).href;
  const options = ["--import", loader, `--test-reporter=${reporter}`, "--test-reporter-destination=stdout"];
  const command = [node, ...options, join(root, "scripts/mutate/run-tests.ts"), ...tests];
  return run(command, { env: { ...process.env, ...env }, timeout });
}

function describeSurvivor(file: string, text: string, { from, to, replacement, line }: Mutant): string {
  const lineStart = text.lastIndexOf("\n", from) + 1;
  const lineEnd = text.indexOf("\n", to);
  const after = text.slice(lineStart, from) + replacement + text.slice(to, lineEnd);
  const before = text.slice(lineStart, lineEnd);
  return `${file}:${line}\n  - ${before.trim()}\n  + ${after.trim()}`;
}
