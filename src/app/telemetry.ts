/** What a balancer remembers of itself: recent events, and what has become of its connections. */

import { isMainThread } from "node:worker_threads";
import { descriptorLimit } from "../engines/linux/sys/descriptor-limit.ts";
import { threadSeconds } from "../engines/linux/sys/thread-time.ts";
import type { Pool } from "../pool/pool.ts";
import type { CloseRecord } from "../proxy/record.ts";
import { EventLoop } from "../telemetry/event-loop.ts";
import { EventRing } from "../telemetry/event-ring.ts";
import { openDescriptors } from "../telemetry/open-descriptors.ts";
import { type RefusalFacts, RefusalWatch, type WatchedListener } from "../telemetry/refusal-watch.ts";
import { SAMPLE_MS } from "../telemetry/samples.ts";
import { Statistics } from "../telemetry/statistics.ts";
import { secondsInProc, type Thread, ThreadLoad } from "../telemetry/thread-load.ts";
import { UnavailableCounter, type UnavailableFacts } from "../telemetry/unavailable-counter.ts";
import { type Cancel, every, systemClock } from "../util/clock.ts";
import { linesOf, wordsOf } from "./words/index.ts";
import type { Told } from "./words/start-words.ts";

/** The thread that all of this runs in. Linux gives it the number of its process. */
const MAIN: Thread = { name: "main", tid: process.platform === "linux" && isMainThread ? process.pid : null };

function secondsOf(tid: number): number | null {
  return secondsInProc(tid) ?? threadSeconds(tid);
}

/** An engine may have no other threads, and names that one then. */
function withMain(threads: readonly Thread[]): readonly Thread[] {
  return threads.some(({ name }) => name === MAIN.name) ? threads : [MAIN, ...threads];
}

/** What it looks at, and whom it tells. */
interface Watched {
  /** Those that are served now. */
  readonly pools: () => ReadonlyMap<string, Pool>;
  readonly edges: () => Iterable<WatchedListener>;
  /** Those that move bytes. */
  readonly threads: () => readonly Thread[];
  /** Clients got no target; see BalancerEvents, for this and the next one. */
  readonly onUnavailable: (text: string, facts: UnavailableFacts) => void;
  readonly onRefused: (text: string, facts: RefusalFacts) => void;
}

export class Telemetry {
  /** Unix time, ms. */
  readonly startedAt = Date.now();
  readonly events = new EventRing();
  readonly statistics: Statistics;
  readonly eventLoop = new EventLoop(systemClock);
  readonly threads: ThreadLoad;
  readonly #words: ReturnType<typeof wordsOf>;
  readonly #unavailable: UnavailableCounter;
  readonly #refusals: RefusalWatch;
  /** Events, by name. */
  readonly counts = new Map<string, number>();
  /** Answers of the API, by status. */
  readonly answers = new Map<string, number>();
  /** Unix time, ms, of the last document that was taken while it ran; null: none was. */
  reloadedAt: number | null = null;
  #descriptorLimit: number | null = null;
  #cancel: Cancel = () => undefined;

  constructor(balancer: Told, { pools, edges, threads, onUnavailable, onRefused }: Watched) {
    this.statistics = new Statistics(pools);
    this.threads = new ThreadLoad(() => withMain(threads()), secondsOf);
    this.#words = wordsOf(balancer);
    this.#unavailable = new UnavailableCounter(onUnavailable);
    this.#refusals = new RefusalWatch(edges, onRefused, systemClock);
  }

  /** An event of the balancer. */
  heard(name: string, args: readonly unknown[]): void {
    for (const line of linesOf(this.#words, name, args)) this.events.add(name, line);
    this.counts.set(name, (this.counts.get(name) ?? 0) + 1);
    if (name === "reloaded") this.reloadedAt = Date.now();
  }

  /** The API has answered with that status. */
  answered(status: number): void {
    this.answers.set(String(status), (this.answers.get(String(status)) ?? 0) + 1);
  }

  /** A connection has ended. */
  ended(record: CloseRecord): void {
    this.statistics.ended(record);
    if (record.phase === "unavailable") this.#unavailable.count(record);
  }

  /**
   * null: the system does not say. The limit is the one of the first time that somebody asks, when the engine has raised it: asking takes
   * a new binding of the C library where /proc cannot be read.
   */
  get descriptors(): { readonly open: number | null; readonly limit: number | null } {
    this.#descriptorLimit ??= descriptorLimit();
    const limit = Number.isFinite(this.#descriptorLimit) ? this.#descriptorLimit : null;
    return { open: openDescriptors(), limit };
  }

  /** The pools are there. */
  start(): void {
    this.statistics.start();
    this.eventLoop.start();
    this.#refusals.start();
    this.threads.take(systemClock.now());
    this.#cancel = every(systemClock, SAMPLE_MS, () => this.threads.take(systemClock.now()));
  }

  /** What has not been told is told, and no timer is set any more. */
  close(): void {
    this.statistics.close();
    this.eventLoop.close();
    this.#cancel();
    this.#unavailable.flush();
    this.#refusals.close();
  }
}
