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
  /** Targets that answer nobody are found by their silence: silence.ts. Default true. */
  readonly hangDetection?: boolean;
  /** Connections in a row that a target has failed, or answered too late, when it is taken out: ejection.ts. 0, the default: none is. */
  readonly ejectAfter?: number;
  /** ms to the first byte above which it is late. 0, the default: it never is. */
  readonly ejectSlow?: number;
  /** ms for which one is out at first. Default DEFAULT_EJECT_TIME. */
  readonly ejectTime?: number;
  /** Percent of the targets that may be out at once for what their connections have shown. Default DEFAULT_EJECT_SHARE. */
  readonly ejectShare?: number;
  /** Those that are out are a last resort. Default true. */
  readonly panic?: boolean;
  /** Rows. Default DEFAULT_MAX_TARGETS. */
  readonly maxTargets?: number;
  /** Sticky bindings kept at most (8 or more), then those go that were not used for longest. Default DEFAULT_MAX_BINDINGS. */
  readonly maxBindings?: number;
  /** Not 0: those who find no target that is up wait for one in the queue. How long is the engine's to know. Default 0. */
  readonly queueWhenEmpty?: number;
  /** For random picks and the placement of bindings: 0…2^53 - 1. Default: drawn from crypto. */
  readonly seed?: number;
}

/** What may change while a pool lives. */
export type PoolChanges = Partial<Omit<PoolOptions, "name" | "seed">>;

/**
 * Enough for a large cluster behind one address. Rows that are not used cost next to nothing, but the table of the hash algorithm,
 * which must be as large on every balancer, has 100 entries for each. A row in use costs about 400 bytes, and 4 for each worker.
 */
export const DEFAULT_MAX_TARGETS = 1024;
/** Twice as long as a server takes that starts anew; and short enough that one which had a bad moment is missed by few. */
export const DEFAULT_EJECT_TIME = 10_000;
/** What is left takes twice as much: more than that is rather a fault that they have in common, which another target has as well. */
export const DEFAULT_EJECT_SHARE = 50;
/** More clients than most sites see within the default idle time. The memory grows with them, by some 100 bytes each. */
export const DEFAULT_MAX_BINDINGS = 1 << 20;

/** Beyond this (a hash table is 100 times as large) a pool would take gigabytes. */
export const MAX_TARGETS = 100_000;
export const MIN_BINDINGS = BINDING_WAYS;
export const MAX_BINDINGS = 1 << 24;
/** A queue node takes 52 bytes: the longest queue is then 832 MiB, far beyond use, and the numbers of waiters stay exact (queue.ts). */
const MAX_QUEUE = 1 << 24;
/** Failures in a row: more would never come about before somebody else has noticed. */
export const MAX_EJECT_AFTER = 10_000;
const MAX_CONCURRENCY = 2 ** 31 - 1;

/** Takes no more of `options` than is the pool's. RangeError: names the option, what was given and what is allowed. */
export function completeOptions(options: PoolOptions): Required<PoolOptions> {
  const complete = {
    name: options.name,
    algorithm: options.algorithm,
    persistent: options.persistent,
    concurrency: options.concurrency,
    queue: options.queue,
    hangDetection: options.hangDetection ?? true,
    ejectAfter: options.ejectAfter ?? 0,
    ejectSlow: options.ejectSlow ?? 0,
    ejectTime: options.ejectTime ?? DEFAULT_EJECT_TIME,
    ejectShare: options.ejectShare ?? DEFAULT_EJECT_SHARE,
    panic: options.panic ?? true,
    maxTargets: options.maxTargets ?? DEFAULT_MAX_TARGETS,
    maxBindings: options.maxBindings ?? DEFAULT_MAX_BINDINGS,
    queueWhenEmpty: options.queueWhenEmpty ?? 0,
    seed: options.seed ?? randomSeed(),
  };
  if (!ALGORITHM_NAMES.includes(complete.algorithm)) {
    throw new RangeError(`algorithm "${complete.algorithm}": one of ${ALGORITHM_NAMES.join(", ")} is allowed`);
  }
  checkConcurrency(complete.concurrency);
  checkWhole("queue", complete.queue, 0, MAX_QUEUE);
  checkWhole("ejectAfter", complete.ejectAfter, 0, MAX_EJECT_AFTER);
  checkWhole("ejectShare", complete.ejectShare, 0, 100);
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
