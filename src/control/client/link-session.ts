/** One connection of a reporter to a balancer: connect, handshake, then questions and their answers. */
import { randomBytes } from "node:crypto";
import { LineChannel } from "../../net/line-channel.ts";
import { NetError } from "../../net/net-error.ts";
import type { Connection, Runtime, TcpAddress } from "../../net/runtime.ts";
import type { Clock } from "../../util/clock.ts";
import { HarmonyError } from "../../util/errors.ts";
import { formatHostPort } from "../../util/host-port.ts";
import type { Key } from "../keys/key.ts";
import {
  type FromReporter,
  type Ok,
  parseObject,
  type Reject,
  readFromBalancer,
  UnsealedReject,
  type Welcome,
} from "../protocol/messages.ts";
import { helloLine, MAX_LINE, NONCE_BYTES, proofLine, readChallenge, Seal, type Transcript } from "../protocol/wire.ts";

export interface DialOptions {
  readonly runtime: Runtime;
  readonly to: TcpAddress;
  readonly tls?: { readonly ca?: string; readonly serverName?: string } | undefined;
  /** Program and version, for the balancer's log. */
  readonly software: string;
  readonly clock: Clock;
}

/** Why a session ended; `goodbye` when the balancer said so, otherwise the error. */
export type SessionEnd =
  | { readonly goodbye: { readonly code: string; readonly reason: string } }
  | { readonly error: NetError | HarmonyError };

/** ms to connect, name resolution and TLS included. */
const CONNECT_TIMEOUT_MS = 5_000;
/** ms for the two round trips of the handshake. */
const HANDSHAKE_TIMEOUT_MS = 5_000;
/** ms. A balancer that takes longer to answer a report is taken for dead. */
const ANSWER_TIMEOUT_MS = 5_000;

interface Question {
  readonly resolve: (answer: Ok | Reject) => void;
  readonly reject: (error: unknown) => void;
}

export class LinkSession {
  readonly welcome: Welcome;
  /** Settles when the session is over; never rejects. */
  readonly ended: Promise<SessionEnd>;
  /** What `ended` settles with, once it has. */
  end: SessionEnd | null = null;
  readonly #channel: LineChannel;
  readonly #seal: Seal;
  readonly #clock: Clock;
  #last: Promise<unknown> = Promise.resolve();
  #question: Question | null = null;
  #silent = false;

  private constructor(channel: LineChannel, seal: Seal, welcome: Welcome, clock: Clock) {
    this.#channel = channel;
    this.#seal = seal;
    this.#clock = clock;
    this.welcome = welcome;
    this.ended = this.#read();
  }

  /** Rejects with NetError, or with HarmonyError when what answers is no balancer, or not one that holds the key. */
  static async open(options: DialOptions, key: Key, signal: AbortSignal): Promise<LinkSession> {
    const connection = await dial(options, signal);
    const giveUp = () => connection.abort();
    let late = false;
    const cancel = options.clock.after(HANDSHAKE_TIMEOUT_MS, () => {
      late = true;
      giveUp();
    });
    signal.addEventListener("abort", giveUp);
    try {
      const channel = new LineChannel(connection, MAX_LINE);
      const seal = await prove(channel, options, key);
      const welcome = await readWelcome(channel, seal, options, key);
      return new LinkSession(channel, seal, welcome, options.clock);
    } catch (error) {
      connection.abort();
      throw late
        ? new HarmonyError("NO_ANSWER", `${at(options)} did not finish the handshake in time`, BALANCER)
        : error;
    } finally {
      cancel();
      signal.removeEventListener("abort", giveUp);
    }
  }

  /** One question at a time; the rest wait their turn. Rejects when the session ends first. */
  ask(message: FromReporter): Promise<Ok | Reject> {
    const answer = this.#last.then(() => this.#ask(message));
    this.#last = answer.catch(() => undefined); // the asker sees it; whoever waits behind asks for itself
    return answer;
  }

  async #ask(message: FromReporter): Promise<Ok | Reject> {
    if (this.end) throw new HarmonyError("LOST", "the session is over", BALANCER);
    const cancel = this.#clock.after(ANSWER_TIMEOUT_MS, () => {
      this.#silent = true;
      this.#channel.connection.abort();
    });
    try {
      const answer = new Promise<Ok | Reject>((resolve, reject) => {
        this.#question = { resolve, reject };
      });
      const sent = this.#channel.send(this.#seal.seal(message));
      await Promise.all([sent, answer]);
      return await answer;
    } finally {
      this.#question = null;
      cancel();
    }
  }

  /** Flushes and closes. Never rejects. */
  close(): Promise<void> {
    return this.#channel.connection.close();
  }

  async #read(): Promise<SessionEnd> {
    const end = await this.#readUntilEnd();
    this.end = end;
    this.#question?.reject("error" in end ? end.error : new HarmonyError("GOODBYE", end.goodbye.reason, BALANCER));
    this.#channel.connection.abort();
    return end;
  }

  async #readUntilEnd(): Promise<SessionEnd> {
    try {
      for (;;) {
        const line = await this.#channel.readLine();
        if (line === null) return { error: new HarmonyError("LOST", "the balancer closed the connection", BALANCER) };
        const message = readFromBalancer(this.#seal.open(line));
        if (message.t === "goodbye") return { goodbye: message };
        if (message.t !== "welcome") this.#question?.resolve(message);
      }
    } catch (error) {
      if (this.#silent)
        return { error: new HarmonyError("NO_ANSWER", "the balancer does not answer reports", BALANCER) };
      if (error instanceof NetError || error instanceof HarmonyError) return { error };
      throw error;
    }
  }
}

function at({ to }: DialOptions): string {
  return formatHostPort(to.host, to.port);
}

const BALANCER = { fault: "balancer", retry: true } as const;

async function dial({ runtime, to, tls, clock }: DialOptions, signal: AbortSignal): Promise<Connection> {
  const giveUp = new AbortController();
  const abort = () => giveUp.abort();
  let late = false;
  const cancel = clock.after(CONNECT_TIMEOUT_MS, () => {
    late = true;
    abort();
  });
  signal.addEventListener("abort", abort);
  try {
    return await runtime.connect({ to, signal: giveUp.signal, ...(tls ? { tls } : {}) });
  } catch (error) {
    if (late) throw new NetError("ETIMEDOUT", `no connection within ${CONNECT_TIMEOUT_MS / 1000} s`, error);
    throw error;
  } finally {
    cancel();
    signal.removeEventListener("abort", abort);
  }
}

async function prove(channel: LineChannel, options: DialOptions, key: Key): Promise<Seal> {
  const hello = helloLine(key.id, randomBytes(NONCE_BYTES).toString("hex"), options.software);
  await channel.send(hello);
  const challenge = await nextLine(channel, options);
  readChallenge(challenge);
  const transcript: Transcript = { hello: Buffer.from(hello), challenge: Uint8Array.from(challenge) };
  await channel.send(proofLine(key.secret, transcript));
  return new Seal("reporter", key.secret, transcript);
}

/** That the welcome is sealed is the balancer's proof. */
async function readWelcome(channel: LineChannel, seal: Seal, options: DialOptions, key: Key): Promise<Welcome> {
  const line = await nextLine(channel, options);
  try {
    const message = readFromBalancer(seal.open(line));
    if (message.t === "welcome") return message;
    if (message.t === "reject") throw new Refusal(message);
  } catch (error) {
    if (!(error instanceof HarmonyError) || error.code !== "BAD_SEAL") throw error;
  }
  throw new HarmonyError(
    "BAD_KEY",
    `what answers at ${at(options)} did not prove that it holds key "${key.id}"`,
    BALANCER,
  );
}

/** The next line of the handshake, unless it is a refusal or the end. */
async function nextLine(channel: LineChannel, options: DialOptions): Promise<Uint8Array> {
  let line: Uint8Array | null;
  let refused: ReturnType<typeof UnsealedReject.safeParse>;
  try {
    line = await channel.readLine();
    refused = UnsealedReject.safeParse(line ? parseObject(line) : {});
  } catch (cause) {
    if (cause instanceof NetError) throw cause;
    throw new HarmonyError("NO_BALANCER", `what answers at ${at(options)} is no balancer's control port`, {
      ...BALANCER,
      cause,
    });
  }
  if (refused.success) throw new Refusal(refused.data);
  if (line) return line;
  throw new HarmonyError("LOST", `${at(options)} closed the connection during the handshake`, BALANCER);
}

/** The balancer said no before there was a session. */
export class Refusal extends HarmonyError {
  constructor({ code, reason, retry }: Reject) {
    super(code, reason, { fault: "balancer", retry });
  }
}
