/**
 * The balancer's own checks of targets, and of agents: which of them are wanted of each row, and who is told what they come to. A check
 * of the document precedes its pool's, for the targets that the document or the DNS names; agents are asked of those alone.
 */
import type { Address } from "../net/runtime.ts";
import { type CheckedWord, checkedWord, type TargetChecks, UNCHECKED } from "./checked.ts";
import type { Row } from "./entry.ts";
import { type AgentCheck, type AnyCheck, type Check, checkKey } from "./health/check.ts";
import { CheckSchedule, type Followed, type ScheduleOptions } from "./health/schedule.ts";

/** What a pool says about checks; `off`: there is none. */
export interface WantedChecks {
  readonly check: Check | "off";
  readonly agentCheck: AgentCheck | "off";
}

export interface ChecksOptions extends ScheduleOptions {
  /** Of the pool of that name. */
  readonly wantedOf: (pool: string) => WantedChecks | undefined;
}

type Sources = Pick<Row, "declared" | "registered">;

export class Checks {
  readonly #wantedOf: ChecksOptions["wantedOf"];
  readonly #schedule: CheckSchedule;
  readonly #followers = new WeakMap<Row, () => void>();
  /** What the row's checks come to has changed: it is to be written anew. */
  onNews: (row: Row) => void = () => undefined;

  constructor({ wantedOf, ...options }: ChecksOptions) {
    this.#wantedOf = wantedOf;
    this.#schedule = new CheckSchedule(options);
  }

  /** Different ones that are asked again and again: targets at one address that are checked alike share one. */
  get size(): number {
    return this.#schedule.size;
  }

  /** What is to be heeded of the row once it is at that address, with these sources. null: nobody checks it. */
  wordOf({ poolName }: Row, sources: Sources, address: Address): CheckedWord | null {
    const { check, agent } = this.#wanted(poolName, sources, address);
    if (check === null && agent === null) return null;
    return checkedWord(
      check && (this.#schedule.find(check, address)?.judgement.says ?? "unknown"),
      agent && (this.#schedule.find(agent, address)?.agent ?? null),
    );
  }

  /** Its checks are those of its sources and its address from now on: it has been written. */
  follow(row: Row): void {
    const { address } = row.spec!;
    const { check, agent } = this.#wanted(row.poolName, row, address);
    const before = row.checks;
    if (check === null && agent === null && before === UNCHECKED) return;
    const follower = this.#followerOf(row);
    const next: TargetChecks = {
      check: check && this.#schedule.follow(check, address, follower),
      agent: agent && this.#schedule.follow(agent, address, follower),
    };
    row.checks = next.check === null && next.agent === null ? UNCHECKED : next;
    for (const each of [before.check, before.agent]) {
      if (each !== null && each !== next.check && each !== next.agent) this.#schedule.unfollow(each, follower);
    }
  }

  /** Its sources have it up again: that a check found it to be out was of the time when they had not. */
  renew({ checks: { check } }: Row): void {
    if (check !== null) this.#schedule.renew(check);
  }

  /** It is gone. */
  unfollow(row: Row): void {
    const { check, agent } = row.checks;
    row.checks = UNCHECKED;
    for (const each of [check, agent]) if (each !== null) this.#schedule.unfollow(each, this.#followerOf(row));
  }

  /** Whether other checks are wanted for it than it has. */
  differs(row: Row): boolean {
    const { check, agent } = this.#wanted(row.poolName, row, row.spec!.address);
    return !isSame(check, row.checks.check) || !isSame(agent, row.checks.agent);
  }

  /** Nothing is asked or told any more. */
  close(): void {
    this.#schedule.close();
  }

  #wanted(poolName: string, { declared }: Sources, address: Address) {
    const ofPool = this.#wantedOf(poolName);
    const check = declared?.check ?? ofPool?.check ?? "off";
    const agent = declared === null ? "off" : (declared.agentCheck ?? ofPool?.agentCheck ?? "off");
    const isReachable = agent !== "off" && ("port" in address || agent.address !== null);
    return { check: check === "off" ? null : check, agent: agent !== "off" && isReachable ? agent : null };
  }

  #followerOf(row: Row): () => void {
    const known = this.#followers.get(row);
    if (known !== undefined) return known;
    const follower = () => this.onNews(row);
    this.#followers.set(row, follower);
    return follower;
  }
}

function isSame(wanted: AnyCheck | null, followed: Followed | null): boolean {
  if (wanted === null || followed === null) return wanted === followed;
  return wanted === followed.check || checkKey(wanted) === checkKey(followed.check);
}
