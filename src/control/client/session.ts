/** One connection of a reporter to a balancer after its handshake: questions and their answers, in any order. */
import type { LineChannel } from "../../net/line-channel.ts";
import { NetError } from "../../net/net-error.ts";
import type { Cancel, Clock } from "../../util/clock.ts";
import { HarmonyError } from "../../util/errors.ts";
import {
  type FromReporter,
  type Ok,
  type Reject,
  readFromBalancer,
  type Usage,
  type Welcome,
} from "../protocol/messages.ts";
import type { Seal } from "../protocol/seal.ts";
import type { Credentials } from "./credentials.ts";
import { Heartbeat } from "./heartbeat.ts";
import { balancerFault, type ConnectOptions, type Opened, open } from "./opening.ts";

/** Why a session ended; `goodbye` when the balancer said so, and then words may follow it (`onLeft`) until close(); otherwise the error. */
export type SessionEnd =
  | { readonly goodbye: { readonly code: string; readonly reason: string } }
  | { readonly error: NetError | HarmonyError };

/** A message without what the session itself adds: its number, and when it was made. */
export type Question = {
  [T in FromReporter["t"]]: Omit<Extract<FromReporter, { t: T }>, "n" | "made" | "ref">;
}[FromReporter["t"]] & {
  readonly ref?: number;
};

/** ms. A balancer that takes longer to answer is considered dead. */
const ANSWER_TIMEOUT_MS = 5_000;

/** Questions at once: so many the balancer answers at a time, and it reads no further until it has. */
const MOST_UNDER_WAY = 16;

interface Pending {
  readonly resolve: (answer: Ok | Reject) => void;
  readonly reject: (error: unknown) => void;
}

export class ClientSession {
  readonly welcome: Welcome;
  /** Resolves when the session is over; never rejects. */
  readonly ended: Promise<SessionEnd>;
  /** What `ended` has resolved with, once it has. */
  end: SessionEnd | null = null;
  /** Somebody waits for a target that has been reported as asleep. Must not throw. */
  onWake: (ref: number) => void = () => undefined;
  /** How a target is used there has changed. Must not throw. */
  onUsage: (usage: Usage) => void = () => undefined;
  /** The balancer has said goodbye, takes no more for that target, and has so many connections left. Must not throw. */
  onLeft: (usage: Usage) => void = () => undefined;
  /** A fault of the program in hearing that, which has ended it. Must not throw. */
  onFault: (error: unknown) => void = () => undefined;
  readonly #channel: LineChannel;
  readonly #seal: Seal;
  readonly #clock: Clock;
  /** Questions that have no answer yet, by their numbers. */
  readonly #pending = new Map<number, Pending>();
  /** Ask when there is room. */
  readonly #waiting: (() => void)[] = [];
  #asked = 0;
  /** From the first question on, where the balancer has asked for one: it takes nothing else for the first line. */
  #heartbeat: Heartbeat | null = null;
  /** The last one is under way still: a peer that takes nothing gets no more of them. */
  #isBeating = false;
  /** The balancer's clock as its latest answer told it, in ms since the welcome, and when that came by this side's. */
  #told: { readonly at: number; readonly cameAt: number };
  /** The balancer has left a question unanswered. */
  #silent = false;

  private constructor({ channel, seal, welcome }: Opened, clock: Clock) {
    this.#channel = channel;
    this.#seal = seal;
    this.#clock = clock;
    this.#told = { at: 0, cameAt: clock.now() };
    this.welcome = welcome;
    this.ended = this.#read();
  }

  /** Rejects with NetError, or with HarmonyError when what answers is no balancer, or not one that holds the key. */
  static async open(options: ConnectOptions, credentials: Credentials, signal: AbortSignal): Promise<ClientSession> {
    return new ClientSession(await open(options, credentials, signal), options.clock);
  }

  /**
   * Several questions may be asked at a time; how many there are does not shorten the time for each answer. `question` may be
   * made when it is sent. Rejects when the session ends first.
   */
  async ask(question: Question | (() => Question)): Promise<Ok | Reject> {
    while (this.#pending.size >= MOST_UNDER_WAY && !this.end) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    if (this.end) throw balancerFault("LOST", "the session is over");
    this.#asked += 1;
    const n = this.#asked;
    const cancel = this.#clock.after(ANSWER_TIMEOUT_MS, () => {
      this.#silent = true;
      this.#channel.connection.abort();
    });
    try {
      const answer = new Promise<Ok | Reject>((resolve, reject) => this.#pending.set(n, { resolve, reject }));
      const sent = this.#channel.send(
        this.#seal.seal(this.#stamped(typeof question === "function" ? question() : question, n)),
      );
      this.#said();
      await Promise.all([sent, answer]);
      return await answer;
    } finally {
      this.#pending.delete(n);
      this.#waiting.shift()?.();
      cancel();
    }
  }

  /** Flushes and closes. Never rejects. */
  close(): Promise<void> {
    return this.#channel.connection.close();
  }

  #said(): void {
    const { heartbeat } = this.welcome;
    if (this.#heartbeat !== null) this.#heartbeat.said();
    else if (heartbeat !== undefined) this.#heartbeat = new Heartbeat(this.#clock, heartbeat, () => this.#beat());
  }

  /** That it fails, the reader sees as well. */
  #beat(): void {
    if (this.#isBeating) return;
    this.#isBeating = true;
    const done = () => {
      this.#isBeating = false;
    };
    this.#channel.send("").then(done, done);
  }

  /** A report says when it is made, so that one that is held back on the way counts no longer than it should. */
  #stamped(question: Question, n: number): object {
    if (question.t !== "report") return { ...question, n };
    const { at, cameAt } = this.#told;
    return { ...question, n, made: at + Math.floor(this.#clock.now() - cameAt) };
  }

  async #read(): Promise<SessionEnd> {
    const end = await this.#readUntilEnd();
    this.end = end;
    this.#heartbeat?.end();
    const error = "error" in end ? end.error : balancerFault("GOODBYE", end.goodbye.reason);
    for (const { reject } of this.#pending.values()) reject(error);
    for (const resolve of this.#waiting.splice(0)) resolve();
    if ("goodbye" in end) void this.#readFarewell();
    else this.#channel.connection.abort();
    return end;
  }

  /** What comes after a goodbye: how many connections there are still. A balancer that falls silent for a lease is gone. Never rejects. */
  async #readFarewell(): Promise<void> {
    const { connection } = this.#channel;
    let cancel: Cancel = () => undefined;
    try {
      for (;;) {
        cancel = this.#clock.after(this.welcome.lease, () => connection.abort());
        const line = await this.#channel.readLine();
        cancel();
        if (line === null) break;
        const message = readFromBalancer(this.#seal.open(line));
        if (message.t === "usage") this.onLeft(message);
      }
    } catch (error) {
      if (!(error instanceof NetError || error instanceof HarmonyError)) this.onFault(error);
    }
    cancel();
    connection.abort();
  }

  async #readUntilEnd(): Promise<SessionEnd> {
    try {
      for (;;) {
        const line = await this.#channel.readLine();
        if (line === null) return { error: balancerFault("LOST", "the balancer closed the connection") };
        const message = readFromBalancer(this.#seal.open(line));
        if (message.t === "goodbye") return { goodbye: message };
        if (message.t === "wake") {
          this.onWake(message.ref);
          continue;
        }
        if (message.t === "usage") {
          this.onUsage(message);
          continue;
        }
        this.#told = { at: message.at, cameAt: this.#clock.now() };
        this.#pending.get(message.n)?.resolve(message);
      }
    } catch (error) {
      if (this.#silent) return { error: balancerFault("NO_ANSWER", "the balancer does not answer reports") };
      if (error instanceof NetError || error instanceof HarmonyError) return { error };
      throw error;
    }
  }
}
