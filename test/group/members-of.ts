/** Other balancers, as one of a group knows them. */
import { Member } from "../../src/group/members.ts";
import { recordOf, writeRecord } from "../../src/group/record.ts";
import type { Word } from "../../src/group/word.ts";
import { REPORT } from "./world.ts";

export function wordOf(name: string): Omit<Word, "v"> {
  const none = { targets: 0, reporters: 0, active: 0, waiting: 0, knows: {}, draining: {}, drainingMore: false };
  return { ...none, name, version: "1", host: "h", startedAt: 0, at: 0, ttl: 3_500, leaving: false, seq: 1 };
}

export function memberWith(id: string): Member {
  return new Member(id, { v: 1, ...wordOf(id) }, 0);
}

/** What a balancer has written of a target. */
export function textOf(said: { readonly weight: number; readonly at: number; readonly drain?: boolean }): string {
  const { at, weight, drain = false } = said;
  const address = { host: "10.0.0.1", port: 80 };
  return writeRecord(recordOf({ report: { ...REPORT, weight, drain }, address, key: "k", since: 0 }), at);
}
