/** One target as one balancer is told of it: its reports over whatever session there is, what becomes of them, and its drain. */
import { randomBytes } from "node:crypto";
import type { Clock } from "../../util/clock.ts";
import { Pause } from "../../util/pause.ts";
import type { Ok, Reject, Report } from "../protocol/messages.ts";
import type { Terms } from "./agreement.ts";
import { Backoff } from "./backoff.ts";
import { Drain } from "./drain.ts";
import type { ClientSession } from "./session.ts";

/** The state of a target, as it is to be reported. */
export type TargetReport = Omit<Report, "t" | "n" | "ref" | "made" | "instance">;
/** What is seen of it at the moment of a report. */
export type SeenOfTarget = Partial<Pick<TargetReport, "health" | "reason" | "weight">>;

export interface AnnouncementOptions {
  /** What the session calls the target. */
  readonly ref: number;
  readonly target: TargetReport;
  readonly seen: () => SeenOfTarget;
  /** What several balancers agree on with it; null: there is one. Called once for each report, when it is sent. */
  readonly terms: (() => Terms) | null;
  readonly clock: Clock;
  readonly random: () => number;
  /** ms between reports in this session. */
  readonly period: (session: ClientSession) => number;
  /** The balancer has taken the target in; `isNews`: it had not, or that was not known any more. */
  readonly onAccepted: (answer: Ok, said: TargetReport, isNews: boolean) => void;
  /** `OWNED`: whether the target may be the one of a key that this reporter had before, so that it should come with that one. */
  readonly comesBack: () => boolean;
  /** The balancer has refused it; `isNews`: that is a trouble that has begun, or changed. */
  readonly onRejected: (answer: Reject, isNews: boolean) => void;
  /** It has nothing more to say for a while. */
  readonly onRest: () => void;
  /** What it reports has changed. */
  readonly onDue: () => void;
}

/** The code of a goodbye or a refusal: another reporter speaks for the target. */
export const REPLACED = "REPLACED";
/** The code of a refusal: the target is another key's. */
const OWNED = "OWNED";
/** ms between reports while draining: how soon the end of the last connection is noticed. */
const DRAIN_POLL_MS = 200;
/** Enough that no two reporters are taken for one. */
const INSTANCE_BYTES = 8;

export class Announcement {
  readonly ref: number;
  readonly #options: AnnouncementOptions;
  readonly #backoff: Backoff;
  readonly #pause: Pause;
  #target: TargetReport & Pick<Report, "instance">;
  #isLeaving = false;
  /** The trouble that was told last. "" once registered: only the end of a trouble, or of the start, makes a registration news. */
  #trouble = "not registered";
  /** The balancer has taken the target in, or was sent a report and has not answered: it may have sent connections. */
  #known = false;
  /** Since when it has been registered, other than for lost connections; null while it is not, or another one is instead. */
  #registeredAt: number | null = null;
  /** Until when it is not reported: another reporter speaks for it, or somebody has to change something first. */
  #restUntil = Number.NEGATIVE_INFINITY;
  /** There is a session in which it is reported. */
  #isServed = false;
  /** While the target drains. */
  #drain: Drain | null = null;

  constructor(options: AnnouncementOptions) {
    this.#options = options;
    this.ref = options.ref;
    this.#backoff = new Backoff(options.random);
    this.#pause = new Pause(options.clock);
    this.#target = { ...options.target, instance: randomBytes(INSTANCE_BYTES).toString("hex") };
  }

  /** A report was asked for that has not been made yet. */
  get isDue(): boolean {
    return this.#pause.isDue;
  }

  /** ms for which it is not to be reported; 0: it is. */
  get rest(): number {
    return Math.max(0, this.#restUntil - this.#options.clock.now());
  }

  /** Reports until the session ends or is `over`, with rests in between. After either, wake() is to be called. Never rejects. */
  async serve(session: ClientSession, over: AbortSignal): Promise<void> {
    const isOver = () => session.end !== null || over.aborted;
    this.#isServed = true;
    while (!isOver()) {
      if (this.rest === 0) {
        this.#pause.begin();
        if (!this.#isLeaving) await this.#report(session);
      }
      if (!isOver()) await this.#pause.wait(this.rest || this.#period(session));
    }
    this.#isServed = false;
  }

  /** Changes what is reported, and reports it now or as soon as there is a connection. */
  update(change: Partial<TargetReport>): void {
    this.#target = { ...this.#target, ...change };
    this.#restUntil = Number.NEGATIVE_INFINITY;
    this.#pause.skip();
    this.#options.onDue();
  }

  /**
   * What is seen of it has changed: that is reported now, unless it rests, or as soon as there is a connection; `canWait`: no connection is
   * tried earlier for it.
   */
  look(canWait: boolean): void {
    if (this.rest > 0 || (canWait && !this.#isServed)) return;
    this.#pause.skip();
    this.#options.onDue();
  }

  /** A session is tried. */
  begin(): void {
    this.#pause.begin();
  }

  /** Ends the pause of serve(), if there is one. */
  wake(): void {
    this.#pause.end();
  }

  /** Whether this trouble is another one than was told last. */
  isNews(trouble: string): boolean {
    const isNews = trouble !== this.#trouble;
    this.#trouble = trouble;
    return isNews;
  }

  /** No report any more. */
  leave(): void {
    this.#isLeaving = true;
  }

  /**
   * Takes no new connections and waits until the balancer counts none, at most `timeout` ms. Resolves with the connections that it
   * counted last: 0 when done, null when that is unknown, at once where the target was never registered.
   */
  drain(timeout: number, isConnected: boolean): Promise<number | null> {
    if (!this.#known) return Promise.resolve(null);
    this.#drain ??= this.#beginDrain(timeout, isConnected);
    return this.#drain.done;
  }

  #beginDrain(timeout: number, isConnected: boolean): Drain {
    const drain = new Drain(this.#options.clock, timeout);
    void drain.done.then(() => {
      this.#drain = null;
    });
    this.update({ drain: true });
    if (!isConnected) drain.lost();
    return drain;
  }

  /** There is no session. */
  lost(): void {
    this.#drain?.lost();
  }

  /** There will be no session any more. */
  end(): void {
    this.#drain?.end();
  }

  /** Another reporter speaks for the target: this one asks again later, since the other one may be gone by then. */
  yield(): void {
    this.#known = false; // its connections are the other one's to drain
    if (this.#registeredAt !== null) this.#backoff.hasHeld(this.#options.clock.now() - this.#registeredAt);
    this.#registeredAt = null;
    this.#restFor(this.#backoff.yield());
  }

  async #report(session: ClientSession): Promise<void> {
    const known = this.#known;
    this.#known = true;
    let target: TargetReport = this.#target;
    let terms: Terms | null = null;
    const question = () => {
      terms = this.#options.terms?.() ?? null;
      target = { ...this.#target, ...this.#options.seen(), ...terms?.said };
      return { t: "report", ref: this.ref, ...target } as const;
    };
    const answer = await session.ask(question).catch(() => null);
    if (answer?.t === "ok") {
      (terms as Terms | null)?.taken(answer);
      this.#accepted(answer, target);
    }
    if (answer?.t === "reject") {
      this.#known = known;
      this.#refused(answer);
    }
  }

  #accepted(answer: Ok, said: TargetReport): void {
    const isNews = this.isNews("");
    this.#registeredAt ??= this.#options.clock.now();
    this.#options.onAccepted(answer, said, isNews);
    // An answer to a report made before the drain says nothing about its end.
    if (said.drain === this.#target.drain) this.#drain?.counted(answer.active ?? 0);
  }

  #refused(answer: Reject): void {
    const { code, reason, retry } = answer;
    if (code === OWNED && this.#options.comesBack()) return;
    this.#options.onRejected(answer, this.isNews(troubleText("rejected", code, reason)));
    if (code === REPLACED) this.yield();
    else if (!retry) this.#restFor(this.#backoff.slow()); // somebody has to change something first
  }

  #restFor(ms: number): void {
    this.#restUntil = this.#options.clock.now() + ms;
    this.#options.onRest();
  }

  #period(session: ClientSession): number {
    return this.#drain ? DRAIN_POLL_MS : this.#options.period(session);
  }
}

/** What tells one trouble from another. A rival that reconnects has another port each time: it is the same trouble. */
export function troubleText(event: string, code: string, reason: string): string {
  return code === REPLACED ? code : `${event} ${code} ${reason}`;
}
