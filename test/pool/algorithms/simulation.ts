/** Targets that take their time, and clients that come whatever becomes of the others, in simulated time: who got whom, and after what. */
import { type AlgorithmName, type Pool, SharedPool } from "../../../src/pool/pool.ts";
import { randomBelow, seedRandom } from "../../../src/pool/random-words.ts";
import { addTarget, client, makePool } from "../helpers.ts";

export interface SimulatedTarget {
  readonly weight?: number;
  /** ms to its first byte, on average, at that time. */
  readonly mean: (now: number) => number;
}

export interface Answer {
  readonly at: number;
  readonly target: string;
  readonly ms: number;
}

export interface Simulation {
  readonly algorithm: AlgorithmName;
  readonly targets: Readonly<Record<string, SimulatedTarget>>;
  /** Connections a second. */
  readonly rate: number;
  /** ms. */
  readonly until: number;
  readonly seed: number;
}

interface Connection {
  readonly row: number;
  readonly thread: SharedPool;
  readonly began: number;
  readonly ends: number;
}

/** All connections, in order of their beginnings. Two threads take turns. */
export function simulate({ algorithm, targets, rate, until, seed }: Simulation): { pool: Pool; answers: Answer[] } {
  const pool = makePool({ algorithm, seed });
  for (const [name, { weight = 500 }] of Object.entries(targets)) addTarget(pool, name, { weight });
  const threads = [pool, SharedPool.attach(pool.handle, 1)];
  const words = new Int32Array(4);
  seedRandom(words, seed);
  /** Of an exponential distribution: as long waits are as rare as they are where requests differ. */
  const drawn = (mean: number) => -mean * Math.log(1 - randomBelow(words, 2 ** 40) / 2 ** 40);
  const open: Connection[] = [];
  const answers: Answer[] = [];
  for (let now = 0, n = 0; now < until; now += drawn(1000 / rate), n++) {
    for (const each of due(open, now)) {
      if (each.thread.observes) each.thread.answered(each.row, each.ends - each.began, each.ends);
      each.thread.release(each.row, client(0), 0, 0, each.ends);
    }
    const thread = threads[n % 2]!;
    const row = thread.pick(client(n), [], now);
    const target = pool.identity(row);
    const ms = drawn(targets[target]!.mean(now));
    open.push({ row, thread, began: now, ends: now + ms });
    answers.push({ at: now, target, ms });
  }
  return { pool, answers };
}

/** Takes out those that have ended by then, in order of their ends. */
function due(open: Connection[], now: number): Connection[] {
  const ended = open.filter(({ ends }) => ends <= now).sort((a, b) => a.ends - b.ends);
  if (ended.length > 0) open.splice(0, open.length, ...open.filter(({ ends }) => ends > now));
  return ended;
}

export function quantile(answers: readonly Answer[], part: number): number {
  const sorted = answers.map(({ ms }) => ms).sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))]!;
}

/** Part of the connections that the target got. */
export function shareOf(answers: readonly Answer[], name: string): number {
  return answers.filter(({ target }) => target === name).length / answers.length;
}
