/** The algorithms there are. Options, help, documentation, types and tests follow from this list. */
import type { Algorithm } from "./algorithm.ts";
import { hash } from "./hash.ts";
import { latency } from "./latency.ts";
import { leastconn } from "./leastconn.ts";
import { random } from "./random.ts";
import { roundrobin } from "./roundrobin.ts";

/** In the order in which users are told of them. */
export const ALGORITHMS = [leastconn, roundrobin, random, hash, latency] as const;

export type AlgorithmName = (typeof ALGORITHMS)[number]["name"];

/** It follows what the targets really carry. */
export const DEFAULT_ALGORITHM: AlgorithmName = leastconn.name;

export const ALGORITHM_NAMES: readonly AlgorithmName[] = ALGORITHMS.map(({ name }) => name);

/** Undefined: there is none of this name. */
export function findAlgorithm(name: string): Algorithm | undefined {
  return ALGORITHMS.find((each) => each.name === name);
}
