/** The options of a pool, checked and completed. */
import { ALGORITHM_NAMES, type AlgorithmName } from "./algorithms/index.ts";
import { BINDING_WAYS } from "./layout.ts";

/** What users decide, by the names in the option table. Settings are passed on whole; completeOptions() takes these out. */
export interface PoolSettings {
  readonly algorithm: AlgorithmName;
  /** Idle ms after which a sticky binding is forgotten; null switches persistence off. */
  readonly persistent: number | null;
  /** Connections that hold a permit at once; -1 no limit, 0 pauses. */
  readonly concurrency: number;
  /** Connections that may wait for a permit or for a target below its limit. 0: none waits. */
  readonly queue: number;
}

export interface PoolOptions extends PoolSettings {
  readonly name: string;
  /** Rows. Default DEFAULT_MAX_TARGETS. */
  readonly maxTargets?: number;
  /** Sticky bindings kept at most (8 or more), then those go that were not used for longest. Default DEFAULT_MAX_BINDINGS. */
  readonly maxBindings?: number;
  /** For random picks and the placement of bindings: 0…2^53 - 1. Default: drawn from crypto. */
  readonly seed?: number;
}

/** What may change while a pool lives. */
export type PoolChanges = Partial<PoolSettings & Pick<PoolOptions, "maxTargets" | "maxBindings">>;

/**
 * Enough for a large cluster behind one address. Rows that are not used cost next to nothing, but the table of the hash algorithm,
 * which must be as large on every balancer, has 100 entries for each. A row in use costs about 200 bytes, and 4 for each worker.
 */
export const DEFAULT_MAX_TARGETS = 1024;
/** More clients than most sites see within the default idle time. The memory grows with them, by some 100 bytes each. */
export const DEFAULT_MAX_BINDINGS = 1 << 20;

/** Beyond this (a hash table is 100 times as large) a pool would take gigabytes. */
export const MAX_TARGETS = 100_000;
export const MIN_BINDINGS = BINDING_WAYS;
export const MAX_BINDINGS = 1 << 24;
/** A queue node takes 52 bytes: the longest queue is then 832 MiB, far beyond use, and the numbers of waiters stay exact (queue.ts). */
const MAX_QUEUE = 1 << 24;
const MAX_CONCURRENCY = 2 ** 31 - 1;

/** Takes no more of `options` than is the pool's. RangeError: names the option, what was given and what is allowed. */
export function completeOptions(options: PoolOptions): Required<PoolOptions> {
  const complete = {
    name: options.name,
    algorithm: options.algorithm,
    persistent: options.persistent,
    concurrency: options.concurrency,
    queue: options.queue,
    maxTargets: options.maxTargets ?? DEFAULT_MAX_TARGETS,
    maxBindings: options.maxBindings ?? DEFAULT_MAX_BINDINGS,
    seed: options.seed ?? randomSeed(),
  };
  if (!ALGORITHM_NAMES.includes(complete.algorithm)) {
    throw new RangeError(`algorithm "${complete.algorithm}": one of ${ALGORITHM_NAMES.join(", ")} is allowed`);
  }
  checkConcurrency(complete.concurrency);
  checkWhole("queue", complete.queue, 0, MAX_QUEUE);
  checkWhole("maxTargets", complete.maxTargets, 1, MAX_TARGETS);
  checkWhole("maxBindings", complete.maxBindings, MIN_BINDINGS, MAX_BINDINGS);
  checkWhole("seed", complete.seed, 0, Number.MAX_SAFE_INTEGER);
  if (complete.persistent !== null && !(complete.persistent > 0)) {
    throw new RangeError(`persistent ${complete.persistent}: milliseconds above 0 or null is allowed`);
  }
  return complete;
}

export function checkConcurrency(value: number): void {
  checkWhole("concurrency", value, -1, MAX_CONCURRENCY);
}

/** `whose`: ends what names the value in the message. */
export function checkWhole(name: string, value: number, least: number, most: number, whose = ""): void {
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new RangeError(`${name} ${value}${whose}: a whole number from ${least} to ${most} is allowed`);
  }
}

/** 53 random bits. */
function randomSeed(): number {
  const [high, low] = crypto.getRandomValues(new Uint32Array(2));
  return (high! >>> 11) * 2 ** 32 + low!;
}
