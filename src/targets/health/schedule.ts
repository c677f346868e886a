/**
 * Which checks run when. Whoever follows a check of a server shares it with all who follow the same one. Checks of one interval are
 * spread evenly over it, and so many run at once, and begin in a turn of the event loop, that clients of an engine on this thread never
 * wait for them: where there are more than that, each comes less often.
 */
import type { Address } from "../../net/runtime.ts";
import { formatAddress } from "../../util/address.ts";
import type { Cancel, Clock } from "../../util/clock.ts";
import { Heap } from "../../util/heap.ts";
import { type AgentState, afterWord, UNSAID } from "./agent-word.ts";
import { type AnyCheck, type CheckResult, checkKey } from "./check.ts";
import { isChanging, type Judgement, judged, UNJUDGED } from "./judge.ts";

/** At once, with connections that are being left. Each has a descriptor. */
const MOST_AT_ONCE = 400;
/** Each is a process. */
const MOST_PROGRAMS = 8;
/** Begun at once, and ms until the next ones are: 2,000 a second, which take some tenths of a core. */
const PER_TURN = 8;
const TURN_MS = 4;
/** While something may be about to change the interval is divided by this, and is no longer than FAST_MS. */
const FASTER = 4;
const FAST_MS = 1_000;
const SHORTEST_MS = 10;
/** Of an interval, to both sides: checks of several balancers do not meet again and again. */
const JITTER = 0.05;
/** Its multiples, without their whole part, are spread evenly however many there are. */
const GOLDEN = 0.618_033_988_749_895;

export interface ScheduleOptions {
  readonly clock: Clock;
  /** ms since 1970. */
  readonly wallClock: () => number;
  /** Must not reject. */
  readonly run: (check: AnyCheck, server: Address) => Promise<CheckResult>;
  /** Connections that earlier checks are still leaving. */
  readonly leaving: () => number;
  /** 0 to 1. */
  readonly random?: () => number;
}

/** A check of a server, as it stands. Live. */
export interface Followed {
  readonly check: AnyCheck;
  readonly judgement: Judgement;
  /** ms since 1970 at which `judgement.says` began to. */
  readonly since: number;
  /** null: it has not been asked yet, or could not be. */
  readonly last: { readonly ok: boolean; readonly reason: string; readonly ms: number; readonly at: number } | null;
  /** Why it could not be asked when that was last tried; null: it could. */
  readonly lack: string | null;
  readonly passes: number;
  readonly failures: number;
  /** By an agent. */
  readonly agent: AgentState;
}

/** To be told when what it comes to has changed. */
export type Follower = (followed: Followed) => void;

class Job implements Followed {
  readonly key: string;
  readonly check: AnyCheck;
  readonly server: Address;
  readonly followers = new Set<Follower>();
  judgement = UNJUDGED;
  since: number;
  last: Followed["last"] = null;
  lack: string | null = null;
  passes = 0;
  failures = 0;
  agent = UNSAID;
  /** When its turns are, give or take the jitter: one, and one in each interval after that. null: before the first. */
  phase: number | null = null;
  /** It is in the heap for this time, or else void. */
  due = Number.NaN;
  isRunning = false;

  constructor(key: string, check: AnyCheck, server: Address, since: number) {
    this.key = key;
    this.check = check;
    this.server = server;
    this.since = since;
  }
}

export class CheckSchedule {
  readonly #options: Required<ScheduleOptions>;
  readonly #jobs = new Map<string, Job>();
  readonly #waiting = new Heap<{ readonly job: Job; readonly due: number }>();
  /** Those whose time has come, in that order. */
  readonly #ready = { others: new Set<Job>(), programs: new Set<Job>() };
  readonly #running = { others: 0, programs: 0 };
  /** How many have been given a phase. */
  #phases = 0;
  /** The turn before has begun as many as it may. */
  #restUntil = Number.NEGATIVE_INFINITY;
  #timer: { readonly at: number; readonly cancel: Cancel } | null = null;
  #closed = false;

  constructor(options: ScheduleOptions) {
    this.#options = { random: Math.random, ...options };
  }

  /** Checks that are asked again and again. */
  get size(): number {
    return this.#jobs.size;
  }

  /** What is known already of this check of that server. */
  find(check: AnyCheck, server: Address): Followed | undefined {
    return this.#jobs.get(keyOf(check, server));
  }

  /** The first who follows it has it asked now. */
  follow(check: AnyCheck, server: Address, follower: Follower): Followed {
    const key = keyOf(check, server);
    let job = this.#jobs.get(key);
    if (job === undefined) {
      job = new Job(key, check, server, this.#options.wallClock());
      this.#jobs.set(key, job);
      this.#put(job, this.#options.clock.now());
    }
    job.followers.add(follower);
    return job;
  }

  /** The last who does has it end. */
  unfollow(followed: Followed, follower: Follower): void {
    const job = followed as Job;
    job.followers.delete(follower);
    if (job.followers.size > 0) return;
    if (this.#jobs.get(job.key) === job) this.#jobs.delete(job.key);
    job.due = Number.NaN;
    this.#readyOf(job).delete(job);
    if (this.#jobs.size === 0) this.#stop();
  }

  /**
   * What made a server fail is over, by the word of somebody who knows: where it was out it is asked now, and the first pass is enough.
   * Nobody is told of that: who follows it is about to look.
   */
  renew(followed: Followed): void {
    if (followed.judgement.says === "down") this.restart(followed);
  }

  /** Another server is there, of which nothing is known: it is asked now, and its first pass is enough. Nobody is told of that. */
  restart(followed: Followed): void {
    const job = followed as Job;
    job.judgement = UNJUDGED;
    job.since = this.#options.wallClock();
    if (!job.isRunning) this.#put(job, this.#options.clock.now());
  }

  /** Nothing is told any more. */
  close(): void {
    this.#closed = true;
    this.#stop();
  }

  #stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }

  #put(job: Job, due: number): void {
    job.due = due;
    this.#waiting.add(due, { job, due });
    this.#wakeAt(due);
  }

  #wakeAt(wanted: number): void {
    const at = Math.max(wanted, this.#restUntil);
    if (this.#closed || (this.#timer !== null && this.#timer.at <= at)) return;
    const { clock } = this.#options;
    this.#timer?.cancel();
    const cancel = clock.after(Math.max(0, at - clock.now()), () => {
      this.#timer = null;
      this.#turn();
    });
    this.#timer = { at, cancel };
  }

  #turn(): void {
    const now = this.#options.clock.now();
    for (let due = this.#waiting.due; due !== null && due <= now; due = this.#waiting.due) {
      const { job, due: wanted } = this.#waiting.take()!;
      if (job.due === wanted) this.#readyOf(job).add(job);
    }
    let left = PER_TURN;
    for (const kind of ["programs", "others"] as const) {
      for (const job of this.#ready[kind]) {
        if (left === 0 || !this.#hasRoom(kind)) break;
        left -= 1;
        this.#ready[kind].delete(job);
        void this.#run(job, kind, now);
      }
    }
    if (left < PER_TURN) this.#restUntil = now + TURN_MS;
    const isHeldUp = this.#ready.others.size + this.#ready.programs.size > 0;
    if (isHeldUp) this.#wakeAt(now + TURN_MS);
    else if (this.#waiting.due !== null) this.#wakeAt(this.#waiting.due);
  }

  #hasRoom(kind: "others" | "programs"): boolean {
    if (kind === "programs") return this.#running.programs < MOST_PROGRAMS;
    return this.#running.others + this.#options.leaving() < MOST_AT_ONCE;
  }

  #readyOf({ check }: Job): Set<Job> {
    return check.kind === "exec" ? this.#ready.programs : this.#ready.others;
  }

  async #run(job: Job, kind: "others" | "programs", begin: number): Promise<void> {
    this.#running[kind] += 1;
    job.isRunning = true;
    job.due = Number.NaN;
    const result = await this.#options.run(job.check, job.server);
    this.#running[kind] -= 1;
    job.isRunning = false;
    if (this.#closed || job.followers.size === 0) return;
    const isNews = this.#take(job, result);
    this.#put(job, this.#next(job, begin));
    if (isNews) for (const follower of [...job.followers]) follower(job);
  }

  /** Whether that has changed what it comes to. */
  #take(job: Job, { ok, reason, ms, word }: CheckResult): boolean {
    const { says } = job.judgement;
    const { agent } = job;
    const now = this.#options.wallClock();
    job.lack = ok === null ? reason : null;
    if (ok !== null) {
      job.last = { ok, reason, ms, at: now };
      job[ok ? "passes" : "failures"] += 1;
    }
    job.judgement = judged(job.judgement, ok, job.check);
    if (word !== undefined) job.agent = afterWord(agent, word);
    const hasTurned = job.judgement.says !== says;
    const hasSpoken = agent !== job.agent && JSON.stringify(agent) !== JSON.stringify(job.agent);
    if (job.check.kind === "agent" ? hasSpoken : hasTurned) job.since = now;
    return hasTurned || hasSpoken;
  }

  /** When it is asked again, at `begin` it was. */
  #next(job: Job, begin: number): number {
    const { clock, random } = this.#options;
    const { interval } = job.check;
    const now = clock.now();
    if (job.phase === null) {
      this.#phases += 1;
      job.phase = begin + interval * ((this.#phases * GOLDEN) % 1);
    }
    const isFast = job.check.kind !== "agent" && isChanging(job.judgement);
    if (isFast)
      return Math.max(now, begin + Math.min(interval, Math.max(SHORTEST_MS, Math.min(FAST_MS, interval / FASTER))));
    // The next of its turns that is at least half an interval away, unless it has just got its phase.
    const isFirst = job.passes + job.failures <= 1;
    const earliest = isFirst ? begin : begin + interval / 2;
    const turns = Math.max(0, Math.ceil((earliest - job.phase) / interval));
    const jitter = interval * JITTER * (2 * random() - 1);
    return Math.max(now, job.phase + turns * interval + jitter);
  }
}

function keyOf(check: AnyCheck, server: Address): string {
  return `${formatAddress(server)} ${checkKey(check)}`;
}
