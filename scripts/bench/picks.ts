/**
 * `make bench-picks`: what a pick and its release cost at 10, 100, 1,000 and 10,000 targets, for each algorithm. Exits with 1
 * when a pick at 10,000 targets costs more than 3 times a pick at 10.
 *
 * All pools may have 10,000 targets, so that only the number of those that there are differs. Rounds alternate between the sizes
 * and the median counts, since machines are shared and noisy.
 */
import { ALGORITHM_NAMES, type AlgorithmName, Pool } from "../../src/pool/pool.ts";

const SIZES = [10, 100, 1000, 10_000] as const;
const ROUNDS = 15;
const PICKS = 40_000;
/** Connections open at any time, per pool. */
const OPEN = 100;
const MOST = 3;

interface Subject {
  readonly pool: Pool;
  readonly ns: number[];
  readonly rows: Int32Array;
}

const client = new Uint32Array(4);
const nobody: readonly number[] = [];

function subject(algorithm: AlgorithmName, size: number): Subject {
  const pool = Pool.create({
    name: "bench",
    algorithm,
    persistent: null,
    concurrency: -1,
    queue: 0,
    maxTargets: SIZES[SIZES.length - 1]!,
    seed: 1,
  });
  for (let i = 0; i < size; i++) {
    const address = { host: `10.0.${i >> 8}.${i & 255}`, port: 80 };
    pool.set({ identity: `target-${i}`, address, weight: 100 + (i % 7), maxConnections: 0 }, "up");
  }
  const rows = Int32Array.from({ length: OPEN }, (_, i) => pool.pick(clientOf(i), nobody, 0));
  return { pool, ns: [], rows };
}

/** Clients come in no order. */
function clientOf(n: number): Uint32Array {
  client[3] = Math.imul(n, 0x9e3779b1);
  return client;
}

/** One round: each pick replaces the oldest of the open connections. Adds ns per pick and release. */
function measure({ pool, ns, rows }: Subject, keep: boolean): void {
  const start = performance.now();
  for (let i = 0; i < PICKS; i++) {
    const at = i % OPEN;
    pool.release(rows[at]!, client, 100, 1000, i);
    rows[at] = pool.pick(clientOf(i), nobody, i);
  }
  if (keep) ns.push(((performance.now() - start) * 1e6) / PICKS);
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]!;
}

let failed = false;
console.log(
  `ns per pick and release, median of ${ROUNDS} alternating rounds of ${PICKS}, in pools that may have 10,000 targets`,
);
console.log(`${"".padEnd(12)}${SIZES.map((size) => String(size).padStart(8)).join("")}   10000:10`);
for (const algorithm of ALGORITHM_NAMES) {
  const subjects = SIZES.map((size) => subject(algorithm, size));
  for (let round = -3; round < ROUNDS; round++) for (const each of subjects) measure(each, round >= 0);
  const medians = subjects.map(({ ns }) => median(ns));
  const ratio = medians[medians.length - 1]! / medians[0]!;
  const verdict = ratio > MOST ? `  more than ${MOST}` : "";
  failed ||= ratio > MOST;
  const cells = medians.map((ns) => ns.toFixed(0).padStart(8)).join("");
  console.log(`${algorithm.padEnd(12)}${cells}${ratio.toFixed(2).padStart(11)}${verdict}`);
}
process.exitCode = failed ? 1 : 0;
