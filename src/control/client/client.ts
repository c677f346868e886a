/**
 * A reporter's side of the control channel to one balancer: one session for all of its targets, opened again for ever, until it drains and
 * leaves. It logs nothing and emits events.
 */
import { type Clock, systemClock } from "../../util/clock.ts";
import type { EventOf } from "../../util/emitter.ts";
import { codeOf, messageOf } from "../../util/errors.ts";
import { Pause } from "../../util/pause.ts";
import { INSECURE_KEY } from "../keys/key.ts";
import type { Ok, Reject } from "../protocol/messages.ts";
import type { Seat } from "./agreement.ts";
import { Announcement, REPLACED, type SeenOfTarget, type TargetReport, troubleText } from "./announcement.ts";
import { Backoff } from "./backoff.ts";
import type { Credentials } from "./credentials.ts";
import { KeyInUse } from "./key-in-use.ts";
import { type ConnectOptions, Refusal } from "./opening.ts";
import { ClientSession } from "./session.ts";

/** Why a client, or one of its targets, is not registered. It tries again. */
export interface Trouble {
  readonly code: string;
  readonly reason: string;
}

/**
 * What happens with one balancer. Trouble is told when it begins or changes, not at every attempt. `ref`: which of the targets it is about,
 * by its place among them.
 */
export interface ControlClientEvents {
  connected: [software: { readonly name: string; readonly version: string }];
  /** The balancer has registered a target under this name. */
  registered: [target: string, ref: number];
  /** The balancer refused the key (`ref` is null), or the report of a target. */
  rejected: [rejection: Trouble, ref: number | null];
  /** No connection, or no longer: the balancer is unreachable, there is no key yet, or what answers is no balancer. */
  lost: [trouble: Trouble];
  /** The balancer ended the connection. */
  goodbye: [farewell: Trouble];
  /** The balancer has taken a target in, and has not opened the port that was asked for: it is older than that. */
  unopened: [listen: number, ref: number];
  /** The balancer has taken a target in that may sleep, and does not say when somebody waits for it: it is older than that. */
  unwakeable: [ref: number];
  /** The balancer has taken a target in whose limit it shares with others, and is older than that: the limit does not hold exactly. */
  inexact: [ref: number];
  /** Somebody waits for a target that is asleep: it is to be started. It may be told again. */
  wake: [ref: number];
}

export interface ControlClientOptions extends Omit<ConnectOptions, "clock"> {
  /** Called at each attempt. A HarmonyError that it throws becomes a `lost` event. */
  readonly key: () => Credentials;
  /** At least one, and at most MOST_TARGETS. */
  readonly targets: readonly TargetReport[];
  /** What is seen of a target, by its place among them, at each report: it precedes what `targets` say. */
  readonly seen?: (ref: number) => SeenOfTarget;
  /** The balancer's part in what several agree on; left out: there is one. */
  readonly seat?: Seat;
  /** ms between reports, unless the balancer asks for more frequent ones. */
  readonly ack: number;
  /** Must not throw. */
  readonly onEvent: (...event: EventOf<ControlClientEvents>) => void;
  readonly clock?: Clock;
  /** 0 ≤ random() < 1. */
  readonly random?: () => number;
}

/** A report that the balancer has taken. */
export interface Answered {
  /** ms. */
  readonly agoMs: number;
  /** Connections of the target that it counted; null: it does not say. */
  readonly active: number | null;
  /** Connections that it has had at this balancer, with those; null: it does not say. */
  readonly total: number | null;
  /** What it may use now of the target's limit; null: there is no limit, or no other balancer. */
  readonly credits: number | null;
}

/** ms from one report to the next, whatever the balancer wants. */
const SHORTEST_PERIOD_MS = 10;
/** Part of the interval by which a report may be early, so that many reporters do not report in step. */
const JITTER = 0.2;
/** Codes of a goodbye that nobody has to do anything about: all others are about this reporter's key or report. */
const FAREWELLS: ReadonlySet<string> = new Set([REPLACED, "STOPPING", "KEY_EXCHANGED"]);
/** ms that the answer to a leave may take. */
const LEAVE_TIMEOUT_MS = 2_000;

export class ControlClient {
  readonly #options: ControlClientOptions;
  readonly #clock: Clock;
  readonly #backoff: Backoff;
  readonly #key: KeyInUse;
  readonly #announcements: readonly Announcement[];
  readonly #stop = new AbortController();
  /** Between two attempts. */
  readonly #pause: Pause;
  #session: ClientSession | null = null;
  /** The last one in which the balancer has said goodbye: it may tell how it takes leave. */
  #left: ClientSession | null = null;
  /** Of the session that is served: it is to end. */
  #over = new AbortController();
  /** What was asked in the session that is served was refused for good, so that the balancer may close it. */
  #isRefused = false;
  /** It comes back with the key that it had before. */
  #comesBack = false;
  #running: Promise<void> | null = null;
  /** The last of each target. */
  readonly #taken: (({ readonly at: number } & Omit<Answered, "agoMs" | "credits">) | null)[];

  constructor(options: ControlClientOptions) {
    const { clock = systemClock, random = Math.random } = options;
    this.#options = options;
    this.#clock = clock;
    this.#backoff = new Backoff(random);
    this.#key = new KeyInUse(options.key);
    this.#pause = new Pause(clock);
    this.#taken = options.targets.map(() => null);
    this.#announcements = options.targets.map((target, ref) => this.#announcementOf(target, ref, random));
  }

  #announcementOf(target: TargetReport, ref: number, random: () => number): Announcement {
    const { seat } = this.#options;
    /** What the balancer does not do, since it is older than that. */
    let lacks = { opening: false, waking: false, dividing: false };
    return new Announcement({
      ref,
      target,
      seen: () => this.#options.seen?.(ref) ?? {},
      terms: seat === undefined ? null : () => seat.terms(ref),
      clock: this.#clock,
      random,
      period: ({ welcome }) =>
        Math.max(SHORTEST_PERIOD_MS, Math.min(welcome.interval, this.#options.ack) * (1 - JITTER * random())),
      onAccepted: (answer, { listen, asleep, credits }, isNews) => {
        this.#accepted(answer, ref, isNews);
        const was = lacks;
        lacks = {
          opening: listen !== undefined && answer.listen === undefined,
          waking: asleep !== undefined && answer.total === undefined,
          dividing: seat !== undefined && (target.maxConnections ?? 0) > 0 && credits === undefined,
        };
        if (lacks.opening && !was.opening) this.#options.onEvent("unopened", listen!, ref);
        if (lacks.dividing && !was.dividing) this.#options.onEvent("inexact", ref);
        if (lacks.waking && !was.waking) this.#options.onEvent("unwakeable", ref);
      },
      comesBack: () => this.#comeBack(),
      onRejected: (answer, isNews) => this.#notAccepted(answer, ref, isNews),
      onRest: () => this.#rested(),
      onDue: () => this.#pause.end(),
    });
  }

  get isConnected(): boolean {
    return this.#session !== null;
  }

  /** The last report of each target that was taken; null where none has been yet. */
  get answers(): readonly (Answered | null)[] {
    const now = this.#clock.now();
    return this.#taken.map((taken, ref) => {
      if (taken === null) return null;
      const credits = this.#options.seat?.issued(ref) ?? null;
      return { agoMs: now - taken.at, active: taken.active, total: taken.total, credits };
    });
  }

  /** Idempotent. */
  start(): void {
    this.#running ??= this.#run();
  }

  /** Changes what is reported of a target and reports it now, or as soon as there is a connection (which is tried at once). */
  update(change: Partial<TargetReport>, ref = 0): void {
    this.#announcements[ref]?.update(change);
  }

  /**
   * What `seen` says of a target has changed: that is reported now, or as soon as there is a connection, which is tried at once, unless it can
   * wait.
   */
  look(ref: number, { canWait = false } = {}): void {
    this.#announcements[ref]?.look(canWait);
  }

  /**
   * Takes no new connections and waits until the balancer counts none, at most `timeout` ms. Resolves with the connections it counted
   * last, of all targets: 0 when done, null when it is unknown because the balancer cannot be reached. At once where none was ever
   * registered, since there is nothing to wait for.
   */
  async drain(timeout: number): Promise<number | null> {
    if (this.#stop.signal.aborted) return null;
    const isConnected = this.#session !== null;
    const counts = await Promise.all(this.#announcements.map((each) => each.drain(timeout, isConnected)));
    const known = counts.filter((count) => count !== null);
    return known.length === 0 ? null : known.reduce((sum, count) => sum + count);
  }

  /** Tells the balancer that the targets leave, if that succeeds in time, and closes. Never rejects. */
  async leave(): Promise<void> {
    for (const each of this.#announcements) each.leave();
    const session = this.#session;
    if (session) {
      const cancel = this.#clock.after(LEAVE_TIMEOUT_MS, () => void this.close());
      // Without an answer the targets are taken out as well: the balancer probes them.
      const left = this.#announcements.map(({ ref }) => session.ask({ t: "leave", ref }).catch(() => undefined));
      await Promise.all(left);
      cancel();
    }
    await this.close();
  }

  /** Disconnects without telling the balancer. Idempotent, never rejects. */
  async close(): Promise<void> {
    this.#stop.abort();
    this.#endSession();
    this.#pause.end();
    await Promise.all([this.#session?.close(), this.#left?.close()]);
    await this.#running;
  }

  async #run(): Promise<void> {
    await Promise.resolve(); // events come after start() has returned, so that a listener may still be attached
    while (!this.#stop.signal.aborted) {
      for (const each of this.#announcements) each.begin();
      const delay = await this.#attempt();
      for (const each of this.#announcements) each.lost();
      const isDue = this.#announcements.some((each) => each.isDue);
      if (!isDue && !this.#stop.signal.aborted) await this.#pause.wait(delay);
    }
    for (const each of this.#announcements) each.end();
  }

  /** One session, from connect to end. Returns the ms to wait before the next. */
  async #attempt(): Promise<number> {
    let key: Credentials | null = null;
    try {
      key = this.#key.next();
      this.#session = await ClientSession.open({ ...this.#options, clock: this.#clock }, key, this.#stop.signal);
      this.#session.onWake = (ref) => {
        if (ref < this.#announcements.length) this.#options.onEvent("wake", ref);
      };
      this.#session.onUsage = (usage) => this.#options.seat?.told(usage);
      const { name, version, instance } = this.#session.welcome;
      if (instance !== undefined) this.#session.onLeft = (usage) => this.#options.seat?.left(instance, usage);
      this.#session.onFault = (error) => this.#faulted(error);
      this.#options.seat?.connected(this.#session.welcome);
      this.#options.onEvent("connected", { name, version });
      return await this.#serve(this.#session);
    } catch (error) {
      return error instanceof Refusal && key ? this.#refused(error, key) : this.#lost(error);
    } finally {
      await this.#endOf(this.#session);
      this.#session = null;
      this.#options.seat?.lost();
    }
  }

  /** One in which the balancer has said goodbye stays open until that closes it, or says goodbye in another one. */
  async #endOf(session: ClientSession | null): Promise<void> {
    const isLeft = session?.end != null && "goodbye" in session.end && !this.#stop.signal.aborted;
    if (!isLeft) return session?.close();
    await this.#left?.close();
    this.#left = session;
  }

  /** Reports until the session ends, or nothing is to be said in it. */
  async #serve(session: ClientSession): Promise<number> {
    this.#over = new AbortController();
    this.#isRefused = false;
    this.#comesBack = false;
    if (this.#stop.signal.aborted) return 0;
    void session.ended.then(() => {
      if (this.#session === session) this.#wake(); // otherwise the pauses that it would end are a later session's
    });
    await Promise.all(this.#announcements.map((each) => each.serve(session, this.#over.signal)));
    if (this.#comesBack) return this.#backoff.next();
    if (this.#over.signal.aborted || session.end === null) return this.#delay();
    if (this.#isRefused && "error" in session.end) return this.#delay();
    return "goodbye" in session.end ? this.#dismissed(session.end.goodbye) : this.#lost(session.end.error);
  }

  #endSession(): void {
    this.#over.abort();
    this.#wake();
  }

  #wake(): void {
    for (const each of this.#announcements) each.wake();
  }

  /** ms before the next attempt: until something is to be said again, if nothing is for now. */
  #delay(): number {
    const rest = Math.min(...this.#announcements.map((each) => each.rest));
    return rest > 0 ? rest : this.#backoff.next();
  }

  /** A session in which nothing is to be said takes the place of another reporter's. */
  #rested(): void {
    if (this.#announcements.every(({ rest }) => rest > 0)) this.#endSession();
  }

  #comeBack(): boolean {
    if (!this.#key.isFormers()) return false;
    this.#comesBack = true;
    this.#endSession();
    return true;
  }

  #accepted({ target = "", active, total }: Ok, ref: number, isNews: boolean): void {
    this.#taken[ref] = { at: this.#clock.now(), active: active ?? null, total: total ?? null };
    this.#backoff.reset();
    this.#key.registered();
    this.#isRefused = false;
    if (isNews) this.#options.onEvent("registered", target, ref);
  }

  #notAccepted({ code, reason, retry }: Reject, ref: number, isNews: boolean): void {
    this.#isRefused ||= !retry;
    if (isNews) this.#options.onEvent("rejected", { code, reason }, ref);
  }

  #dismissed({ code, reason }: { code: string; reason: string }): number {
    const isFarewell = FAREWELLS.has(code);
    if (!isFarewell) this.#key.refused();
    if (this.#isNews(isFarewell ? "goodbye" : "rejected", code, reason)) {
      if (isFarewell) this.#options.onEvent("goodbye", { code, reason });
      else this.#options.onEvent("rejected", { code, reason }, null);
    }
    // The last target that it spoke for has another reporter; those that rest are no longer its own anyway.
    if (code === REPLACED) for (const each of this.#announcements) if (each.rest === 0) each.yield();
    return this.#delay();
  }

  #refused({ code, message, retry }: Refusal, key: Credentials): number {
    if (this.#stop.signal.aborted) return 0;
    this.#key.refused();
    const reason = code === "BAD_KEY" ? `${message} (${keyText(key)})` : message;
    if (this.#isNews("rejected", code, reason)) this.#options.onEvent("rejected", { code, reason }, null);
    return retry ? this.#backoff.next() : this.#backoff.slow();
  }

  #lost(error: unknown): number {
    if (this.#stop.signal.aborted) return 0;
    const [code, reason] = [codeOf(error) ?? "INTERNAL", messageOf(error)];
    if (this.#isNews("lost", code, reason)) this.#options.onEvent("lost", { code, reason });
    return this.#backoff.next();
  }

  /** In what a balancer says that takes leave. A session that there is since then is opened anew, so that what is told is true. */
  #faulted(error: unknown): void {
    this.#lost(error);
    this.#endSession();
  }

  /** A trouble of all targets: whether it is one that was not told last of each. */
  #isNews(event: "rejected" | "lost" | "goodbye", code: string, reason: string): boolean {
    const trouble = troubleText(event, code, reason);
    return this.#announcements.map((each) => each.isNews(trouble)).includes(true);
  }
}

/** Which of the keys that may lie about is the wrong one: the balancer says no more than that it is. */
function keyText(key: Credentials): string {
  if (key === INSECURE_KEY) return "this reporter was started without one";
  return "secret" in key
    ? `this reporter's is "${key.id}"`
    : "this reporter's is its own: was it taken out of the balancer's reporters file?";
}
