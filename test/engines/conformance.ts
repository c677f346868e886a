import { describe } from "node:test";
import type { EngineFactory } from "../../src/engines/engine.ts";
import { lifecycle } from "./conformance/lifecycle.ts";
import { load } from "./conformance/load.ts";
import { queueing } from "./conformance/queueing.ts";
import { relaying } from "./conformance/relaying.ts";
import { requeueing } from "./conformance/requeueing.ts";
import { targets } from "./conformance/targets.ts";
import { unavailable } from "./conformance/unavailable.ts";

export interface ConformanceOptions {
  /** Why the engine cannot be tried here; undefined where it can. */
  readonly skip?: string | undefined;
}

/**
 * What every engine has to do, seen from outside: through clients and targets on loopback, the Pool, and close records. Each
 * test ends with the lab's check that no place, waiter, target's connection or record was leaked.
 */
export function engineConformance(label: string, factory: EngineFactory, options: ConformanceOptions = {}): void {
  describe(label, { skip: options.skip ?? false }, () => {
    describe("relaying", () => relaying(factory));
    describe("targets and algorithms", () => targets(factory));
    describe("requeueing", () => requeueing(factory));
    describe("queueing", () => queueing(factory));
    describe("unavailable", () => unavailable(factory));
    describe("start and close", () => lifecycle(factory));
    describe("load", () => load(factory));
  });
}
