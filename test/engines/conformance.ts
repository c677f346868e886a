import { after, describe } from "node:test";
import { removeFolders } from "../support/folder.ts";
import { awaiting } from "./conformance/awaiting.ts";
import { lifecycle } from "./conformance/lifecycle.ts";
import { load } from "./conformance/load.ts";
import { lookingUp } from "./conformance/looking-up.ts";
import { many } from "./conformance/many.ts";
import { observing } from "./conformance/observing.ts";
import { operating } from "./conformance/operating.ts";
import { pools } from "./conformance/pools.ts";
import { queueing } from "./conformance/queueing.ts";
import { relaying } from "./conformance/relaying.ts";
import { removal } from "./conformance/removal.ts";
import { requeueing } from "./conformance/requeueing.ts";
import { targets } from "./conformance/targets.ts";
import { unavailable } from "./conformance/unavailable.ts";
import { unix } from "./conformance/unix.ts";
import type { Host } from "./host.ts";

export interface ConformanceOptions {
  /** Why the engine cannot be tried here; undefined where it can. */
  readonly skip?: string | undefined;
  /** How many pools it holds at once; by default 1,000. */
  readonly pools?: number;
}

/**
 * What every engine has to do, seen from outside: through clients and targets on its host's loopback, the Pool, and close records. Each
 * test ends with the lab's check that no place, waiter, target's connection or record was leaked.
 */
export function engineConformance(label: string, host: Host, options: ConformanceOptions = {}): void {
  describe(label, { skip: options.skip ?? false }, () => {
    after(removeFolders);
    describe("relaying", () => relaying(host));
    describe("targets and algorithms", () => targets(host));
    describe("requeueing", () => requeueing(host));
    describe("queueing", () => queueing(host));
    describe("waiting for a target", () => awaiting(host));
    describe("waiting for what others know", () => lookingUp(host));
    describe("unavailable", () => unavailable(host));
    describe("start and close", () => lifecycle(host));
    describe("pools and listeners", () => pools(host));
    describe("Unix sockets", () => unix(host));
    describe("what operators see and do", () => operating(host));
    describe("what is taken off its target", () => removal(host));
    describe("what connections show of their targets", () => observing(host));
    describe("load", () => load(host));
    describe("many pools", () => many(host, options.pools));
  });
}
