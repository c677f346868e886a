/** A reporter's side of the control channel to one balancer: reports, reconnects for ever, drains and leaves. It logs nothing and emits events. */
import { randomBytes } from "node:crypto";
import { type Clock, systemClock } from "../../util/clock.ts";
import type { EventOf } from "../../util/emitter.ts";
import { codeOf, messageOf } from "../../util/errors.ts";
import { INSECURE_KEY } from "../keys/key.ts";
import type { Ok, Report } from "../protocol/messages.ts";
import { Backoff } from "./backoff.ts";
import type { Credentials } from "./credentials.ts";
import { Drain } from "./drain.ts";
import { KeyInUse } from "./key-in-use.ts";
import { type ConnectOptions, Refusal } from "./opening.ts";
import { ClientSession } from "./session.ts";

/** The state of a target, as it is to be reported. */
export type TargetReport = Omit<Report, "t" | "n" | "ref" | "made" | "instance">;

/** Why a client is not registered. It tries again. */
export interface Trouble {
  readonly code: string;
  readonly reason: string;
}

/** What happens with one balancer. Trouble is told when it begins or changes, not at every attempt. */
export interface ControlClientEvents {
  connected: [software: { readonly name: string; readonly version: string }];
  /** The balancer has registered the target under this name. */
  registered: [target: string];
  /** The balancer refused the key or the report. */
  rejected: [rejection: Trouble];
  /** No connection, or no longer: the balancer is unreachable, there is no key yet, or what answers is no balancer. */
  lost: [trouble: Trouble];
  /** The balancer ended the connection. */
  goodbye: [farewell: Trouble];
}

export interface ControlClientOptions extends Omit<ConnectOptions, "clock"> {
  /** Called at each attempt. A HarmonyError that it throws becomes a `lost` event. */
  readonly key: () => Credentials;
  readonly target: TargetReport;
  /** ms between reports, unless the balancer asks for more frequent ones. */
  readonly ack: number;
  /** Must not throw. */
  readonly onEvent: (...event: EventOf<ControlClientEvents>) => void;
  readonly clock?: Clock;
  /** 0 ≤ random() < 1. */
  readonly random?: () => number;
}

/** Part of the interval by which a report may be early, so that many reporters do not report in step. */
const JITTER = 0.2;
/** ms between reports while draining: how soon the end of the last connection is noticed. */
const DRAIN_POLL_MS = 200;
/** The code of a goodbye or a refusal: another reporter speaks for the target. */
const REPLACED = "REPLACED";
/** The code of a refusal: the target is another key's. */
const OWNED = "OWNED";
/** Codes of a goodbye that nobody has to do anything about: all others are about this reporter's key or report. */
const FAREWELLS: ReadonlySet<string> = new Set([REPLACED, "STOPPING", "KEY_EXCHANGED"]);
/** Enough that no two reporters are taken for one. */
const INSTANCE_BYTES = 8;
/** ms that the answer to a leave may take. */
const LEAVE_TIMEOUT_MS = 2_000;

export class ControlClient {
  readonly #options: ControlClientOptions;
  readonly #clock: Clock;
  readonly #backoff: Backoff;
  readonly #key: KeyInUse;
  readonly #stop = new AbortController();
  #target: TargetReport & Pick<Report, "instance">;
  #session: ClientSession | null = null;
  #running: Promise<void> | null = null;
  /** Ends the current pause, if any. */
  #wake: () => void = () => undefined;
  /** A report was asked for: the next pause is skipped. */
  #due = false;
  /** The trouble that was told last. "" once registered: only the end of a trouble, or of the start, makes a `registered` event. */
  #trouble = "not registered";
  /** The balancer has taken the target in, or was sent a report and has not answered: it may have sent connections. */
  #known = false;
  /** Since when it has been registered, other than for lost connections; null while it is not, or another one is instead. */
  #registeredAt: number | null = null;
  /** While the target drains. */
  #drain: Drain | null = null;
  #leaving = false;

  constructor(options: ControlClientOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#backoff = new Backoff(options.random ?? Math.random);
    this.#key = new KeyInUse(options.key);
    this.#target = { ...options.target, instance: randomBytes(INSTANCE_BYTES).toString("hex") };
  }

  /** Idempotent. */
  start(): void {
    this.#running ??= this.#run();
  }

  /** Changes what is reported and reports it now, or as soon as there is a connection (which is tried at once). */
  update(change: Partial<TargetReport>): void {
    this.#target = { ...this.#target, ...change };
    this.#due = true;
    this.#wake();
  }

  /**
   * Takes no new connections and waits until the balancer counts none, at most `timeout` ms. Resolves with the connections
   * it counted last: 0 when done, null when it is unknown because the balancer cannot be reached. At once where the target was
   * never registered, since there is nothing to wait for.
   */
  drain(timeout: number): Promise<number | null> {
    if (!this.#known || this.#stop.signal.aborted) return Promise.resolve(null);
    this.#drain ??= this.#beginDrain(timeout);
    return this.#drain.done;
  }

  #beginDrain(timeout: number): Drain {
    const drain = new Drain(this.#clock, timeout);
    void drain.done.then(() => {
      this.#drain = null;
    });
    this.update({ drain: true });
    if (!this.#session) drain.lost();
    return drain;
  }

  /** Tells the balancer that the target leaves, if that succeeds in time, and closes. Never rejects. */
  async leave(): Promise<void> {
    this.#leaving = true;
    const session = this.#session;
    if (session) {
      const cancel = this.#clock.after(LEAVE_TIMEOUT_MS, () => void this.close());
      // Without an answer the target is taken out as well: the balancer probes it.
      await session.ask({ t: "leave" }).catch(() => undefined);
      cancel();
    }
    await this.close();
  }

  /** Disconnects without telling the balancer. Idempotent, never rejects. */
  async close(): Promise<void> {
    this.#stop.abort();
    this.#wake();
    await this.#session?.close();
    await this.#running;
  }

  async #run(): Promise<void> {
    await Promise.resolve(); // events come after start() has returned, so that a listener may still be attached
    while (!this.#stop.signal.aborted) {
      this.#due = false;
      const delay = await this.#attempt();
      this.#drain?.lost();
      await this.#pause(delay);
    }
    this.#drain?.end();
  }

  /** One session, from connect to end. Returns the ms to wait before the next. */
  async #attempt(): Promise<number> {
    let key: Credentials | null = null;
    try {
      key = this.#key.next();
      this.#session = await ClientSession.open({ ...this.#options, clock: this.#clock }, key, this.#stop.signal);
      const { name, version } = this.#session.welcome;
      this.#options.onEvent("connected", { name, version });
      return await this.#serve(this.#session);
    } catch (error) {
      return error instanceof Refusal && key ? this.#refused(error, key) : this.#lost(error);
    } finally {
      await this.#session?.close();
      this.#session = null;
    }
  }

  /** Reports until the session ends. */
  async #serve(session: ClientSession): Promise<number> {
    void session.ended.then(() => {
      if (this.#session === session) this.#wake(); // otherwise the pause that it would end is the one before the next attempt
    });
    while (session.end === null && !this.#stop.signal.aborted) {
      this.#due = false;
      if (!this.#leaving) {
        const { drain } = this.#target;
        const known = this.#known;
        this.#known = true;
        const answer = await session.ask({ t: "report", ...this.#target }).catch(() => null);
        if (answer?.t === "ok") this.#accepted(answer, drain);
        if (answer?.t === "reject") {
          this.#known = known;
          if (answer.code === OWNED && this.#key.isFormers()) return this.#backoff.next();
          this.#tell("rejected", answer.code, answer.reason);
          if (answer.code === REPLACED) return this.#yield();
          if (!answer.retry) return this.#backoff.slow(); // somebody has to change something first
        }
      }
      if (session.end === null) await this.#pause(this.#period(session));
    }
    const end = session.end;
    if (end === null) return 0;
    return "goodbye" in end ? this.#dismissed(end.goodbye) : this.#lost(end.error);
  }

  #accepted({ target = "", active = 0 }: Ok, drained: boolean): void {
    const news = this.#trouble !== "";
    this.#trouble = "";
    this.#registeredAt ??= this.#clock.now();
    this.#backoff.reset();
    this.#key.registered();
    if (news) this.#options.onEvent("registered", target);
    // An answer to a report made before the drain says nothing about its end.
    if (drained === this.#target.drain) this.#drain?.counted(active);
  }

  #dismissed({ code, reason }: { code: string; reason: string }): number {
    const isFarewell = FAREWELLS.has(code);
    if (!isFarewell) this.#key.refused();
    this.#tell(isFarewell ? "goodbye" : "rejected", code, reason);
    return code === REPLACED ? this.#yield() : this.#backoff.next();
  }

  /** Another reporter speaks for the target. ms until this one asks again, since the other one may be gone by then. */
  #yield(): number {
    this.#known = false; // its connections are the other one's to drain
    if (this.#registeredAt !== null) this.#backoff.hasHeld(this.#clock.now() - this.#registeredAt);
    this.#registeredAt = null;
    return this.#backoff.yield();
  }

  #refused({ code, message, retry }: Refusal, key: Credentials): number {
    if (this.#stop.signal.aborted) return 0;
    this.#key.refused();
    this.#tell("rejected", code, code === "BAD_KEY" ? `${message} (${keyText(key)})` : message);
    return retry ? this.#backoff.next() : this.#backoff.slow();
  }

  #lost(error: unknown): number {
    if (this.#stop.signal.aborted) return 0;
    this.#tell("lost", codeOf(error) ?? "INTERNAL", messageOf(error));
    return this.#backoff.next();
  }

  /** Emits the event of a trouble, once until the trouble changes or is over. */
  #tell(event: "rejected" | "lost" | "goodbye", code: string, reason: string): void {
    // A rival that reconnects has another port each time: it is the same trouble.
    const trouble = code === REPLACED ? code : `${event} ${code} ${reason}`;
    if (trouble === this.#trouble) return;
    this.#trouble = trouble;
    this.#options.onEvent(event, { code, reason });
  }

  #period({ welcome }: ClientSession): number {
    if (this.#drain) return DRAIN_POLL_MS;
    const random = this.#options.random ?? Math.random;
    return Math.min(welcome.interval, this.#options.ack) * (1 - JITTER * random());
  }

  /** Resolves after `ms`, or earlier when there is a reason to go on. */
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

/** Which of the keys that may lie about is the wrong one: the balancer says no more than that it is. */
function keyText(key: Credentials): string {
  if (key === INSECURE_KEY) return "this reporter was started without one";
  return "secret" in key
    ? `this reporter's is "${key.id}"`
    : "this reporter's is its own: was it taken out of the balancer's reporters file?";
}
