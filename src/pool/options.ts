/** The options of a pool, checked and completed. */
import { BINDING_WAYS, DEFAULT_MAX_BINDINGS, DEFAULT_MAX_TARGETS, MAX_QUEUE } from "./table.ts";
import type { PoolOptions } from "./types.ts";

/** Beyond this (the hash table is 100 times as large) a pool would take gigabytes. */
const MAX_TARGETS = 100_000;
const MAX_BINDINGS = 1 << 24;
const MAX_CONCURRENCY = 2 ** 31 - 1;

/** RangeError: names the option, what was given and what is allowed. */
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
  if (!["leastconn", "roundrobin", "random", "hash"].includes(complete.algorithm)) {
    throw new RangeError(`algorithm "${complete.algorithm}": leastconn, roundrobin, random or hash is allowed`);
  }
  check("concurrency", complete.concurrency, -1, MAX_CONCURRENCY);
  check("queue", complete.queue, 0, MAX_QUEUE);
  check("maxTargets", complete.maxTargets, 1, MAX_TARGETS);
  check("maxBindings", complete.maxBindings, BINDING_WAYS, MAX_BINDINGS);
  check("seed", complete.seed, 0, Number.MAX_SAFE_INTEGER);
  if (complete.persistent !== null && !(complete.persistent > 0)) {
    throw new RangeError(`persistent ${complete.persistent}: milliseconds above 0 or null is allowed`);
  }
  return complete;
}

function check(name: string, value: number, least: number, most: number): void {
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new RangeError(`${name} ${value}: a whole number from ${least} to ${most} is allowed`);
  }
}

/** 53 random bits. */
function randomSeed(): number {
  const [high, low] = crypto.getRandomValues(new Uint32Array(2));
  return (high! >>> 11) * 2 ** 32 + low!;
}
