/** A reporter's tie to one balancer: reports, reconnects for ever, drains and leaves. Logs nothing; says what happened through events. */
import { type Cancel, type Clock, systemClock } from "../../util/clock.ts";
import { codeOf, messageOf } from "../../util/errors.ts";
import type { Key } from "../keys/key.ts";
import type { Ok, Reject, Report } from "../protocol/messages.ts";
import { Backoff } from "./backoff.ts";
import { type DialOptions, LinkSession, Refusal } from "./link-session.ts";

/** What a reporter says of its target. */
export type TargetReport = Omit<Report, "t">;

/** Troubles are told when they begin or change, not at every attempt. */
export type LinkEvent =
  | { readonly type: "connected"; readonly balancer: string; readonly version: string }
  /** `target`: the name the balancer gave it. */
  | { readonly type: "registered"; readonly target: string }
  /** The balancer said no: to the key, or to what was reported. */
  | { readonly type: "rejected"; readonly code: string; readonly reason: string; readonly retry: boolean }
  /** Not connected, or no longer: unreachable, no key yet, or what answers is no balancer. */
  | { readonly type: "lost"; readonly code: string; readonly reason: string }
  | { readonly type: "goodbye"; readonly code: string; readonly reason: string };

export interface LinkOptions extends Omit<DialOptions, "clock"> {
  /** Called at each attempt; a HarmonyError it throws is told as `lost`. */
  readonly key: () => Key;
  readonly target: TargetReport;
  /** ms between reports; the balancer may ask for more frequent ones. */
  readonly ack: number;
  /** Must not throw. */
  readonly onEvent: (event: LinkEvent) => void;
  readonly clock?: Clock;
  /** 0 ≤ random() < 1. */
  readonly random?: () => number;
}

/** Part of the interval by which a report may come early, so that many reporters do not fall into step. */
const JITTER = 0.2;
/** ms between reports while draining: how soon the last connection's end is noticed. */
const DRAIN_POLL_MS = 200;
/** ms a drain waits for a balancer that is not connected: it may be gone for good, and its connections with it. */
const DRAIN_RECONNECT_MS = 3_000;
/** ms a leave may take to be answered. */
const LEAVE_TIMEOUT_MS = 2_000;

export class ReporterLink {
  readonly #options: LinkOptions;
  readonly #clock: Clock;
  readonly #backoff: Backoff;
  readonly #stop = new AbortController();
  #target: TargetReport;
  #session: LinkSession | null = null;
  #running: Promise<void> | null = null;
  /** Ends the pause that is under way. */
  #wake: () => void = () => undefined;
  /** A report is due before the pause is over. */
  #due = false;
  /** What `registered` has to be told after: the trouble that was told last, or that nothing was told yet. */
  #trouble = "not registered";
  /** Connections the balancer counted at its last answer; null when it is unknown. */
  #active: number | null = null;
  #onActive: () => void = () => undefined;
  #draining: Promise<number | null> | null = null;
  #leaving = false;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#backoff = new Backoff(options.random ?? Math.random);
    this.#target = options.target;
  }

  /** Idempotent. */
  start(): void {
    this.#running ??= this.#run();
  }

  /** Changes what is reported, and reports it now. */
  update(change: Partial<TargetReport>): void {
    this.#target = { ...this.#target, ...change };
    this.report();
  }

  /** Reports now, or as soon as there is a connection (which is tried at once). */
  report(): void {
    this.#due = true;
    this.#wake();
  }

  /**
   * Takes no new connections and waits until the balancer counts none, at most `timeout` ms. Resolves with the connections
   * it counted last: 0 when done, null when it is unknown because the balancer cannot be reached.
   */
  drain(timeout: number): Promise<number | null> {
    if (!this.#running || this.#stop.signal.aborted) return Promise.resolve(null);
    this.#draining ??= this.#drain(timeout);
    return this.#draining;
  }

  #drain(timeout: number): Promise<number | null> {
    this.#active = null;
    this.update({ drain: true });
    return new Promise((resolve) => {
      let cancelAbsence: Cancel | null = null;
      const done = () => {
        this.#onActive = () => undefined;
        this.#draining = null;
        cancelTimeout();
        cancelAbsence?.();
        resolve(this.#active);
      };
      const cancelTimeout = this.#clock.after(timeout, done);
      this.#onActive = () => {
        if (this.#active === 0 || this.#stop.signal.aborted) return done();
        if (!this.#session) {
          cancelAbsence ??= this.#clock.after(DRAIN_RECONNECT_MS, done);
          return;
        }
        cancelAbsence?.();
        cancelAbsence = null;
      };
      this.#onActive();
    });
  }

  /** Tells the balancer that the target is gone, if it can be told in time, and closes. Never rejects. */
  async leave(): Promise<void> {
    this.#leaving = true;
    const session = this.#session;
    if (session) {
      const cancel = this.#clock.after(LEAVE_TIMEOUT_MS, () => void this.close());
      // A lost session takes the target out as well: the balancer probes it.
      await session.ask({ t: "leave" }).catch(() => undefined);
      cancel();
    }
    await this.close();
  }

  /** Ends the link without a word to the balancer. Idempotent, never rejects. */
  async close(): Promise<void> {
    this.#stop.abort();
    this.#wake();
    await this.#session?.close();
    await this.#running;
    this.#onActive();
  }

  async #run(): Promise<void> {
    await Promise.resolve(); // whoever starts it may still have to listen: a trouble is told once
    while (!this.#stop.signal.aborted) {
      this.#due = false;
      const delay = await this.#attempt();
      this.#active = null;
      this.#onActive();
      await this.#pause(delay);
    }
  }

  /** One session, from connect to end. Returns the ms to wait before the next. */
  async #attempt(): Promise<number> {
    try {
      const { key } = this.#options;
      this.#session = await LinkSession.open({ ...this.#options, clock: this.#clock }, key(), this.#stop.signal);
      const { name, version } = this.#session.welcome;
      this.#options.onEvent({ type: "connected", balancer: name, version });
      return await this.#serve(this.#session);
    } catch (error) {
      return this.#lost(error);
    } finally {
      await this.#session?.close();
      this.#session = null;
    }
  }

  /** Reports until the session ends. */
  async #serve(session: LinkSession): Promise<number> {
    void session.ended.then(() => this.#wake());
    while (session.end === null && !this.#stop.signal.aborted) {
      this.#due = false;
      if (!this.#leaving) {
        const { drain } = this.#target;
        const answer = await session.ask({ t: "report", ...this.#target }).catch(() => null);
        if (answer?.t === "ok") this.#accepted(answer, drain);
        if (answer?.t === "reject" && this.#rejected(answer)) return this.#backoff.slow();
      }
      if (session.end === null) await this.#pause(this.#period(session));
    }
    const end = session.end;
    if (end === null) return 0;
    return "goodbye" in end ? this.#dismissed(end.goodbye) : this.#lost(end.error);
  }

  #accepted({ target, active }: Ok, drained: boolean): void {
    const news = this.#trouble !== "";
    this.#trouble = "";
    this.#backoff.reset();
    if (news) this.#options.onEvent({ type: "registered", target });
    // An answer to a report made before the drain says nothing about its end.
    this.#active = drained === this.#target.drain ? active : null;
    this.#onActive();
  }

  /** Returns whether somebody has to mend something first. */
  #rejected({ code, reason, retry }: Reject): boolean {
    this.#tell({ type: "rejected", code, reason, retry });
    return !retry;
  }

  #dismissed({ code, reason }: { code: string; reason: string }): number {
    this.#tell({ type: "goodbye", code, reason });
    // Two reporters for one target would otherwise take it from each other as fast as they can.
    return code === "REPLACED" ? this.#backoff.slow() : this.#backoff.next();
  }

  #refused({ code, message, retry }: Refusal): number {
    this.#tell({ type: "rejected", code, reason: message, retry });
    return retry ? this.#backoff.next() : this.#backoff.slow();
  }

  #lost(error: unknown): number {
    if (this.#stop.signal.aborted) return 0;
    if (error instanceof Refusal) return this.#refused(error);
    this.#tell({ type: "lost", code: codeOf(error) ?? "INTERNAL", reason: messageOf(error) });
    return this.#backoff.next();
  }

  /** A trouble is told once, until it changes or is over. */
  #tell(event: LinkEvent & { code: string; reason: string }): void {
    const trouble = `${event.type} ${event.code} ${event.reason}`;
    if (trouble === this.#trouble) return;
    this.#trouble = trouble;
    this.#options.onEvent(event);
  }

  #period({ welcome }: LinkSession): number {
    if (this.#draining) return DRAIN_POLL_MS;
    const random = this.#options.random ?? Math.random;
    return Math.min(welcome.interval, this.#options.ack) * (1 - JITTER * random());
  }

  /** Until `ms` have passed, or there is a reason to go on sooner. */
  #pause(ms: number): Promise<void> {
    if (this.#due || this.#stop.signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const cancel = this.#clock.after(ms, () => this.#wake());
      this.#wake = () => {
        cancel();
        this.#wake = () => undefined;
        resolve();
      };
    });
  }
}
