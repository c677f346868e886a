/** One connection of a reporter to a balancer: connect, handshake, then questions and their answers. */
import { randomBytes } from "node:crypto";
import { LineChannel } from "../../net/line-channel.ts";
import { NetError } from "../../net/net-error.ts";
import type { Connection, Runtime, TcpAddress } from "../../net/runtime.ts";
import { formatAddress } from "../../util/address.ts";
import type { Clock } from "../../util/clock.ts";
import { codeOf, HarmonyError, messageOf } from "../../util/errors.ts";
import type { SharedKey } from "../keys/key.ts";
import {
  type FromReporter,
  type Ok,
  type Reject,
  readFromBalancer,
  UnsealedReject,
  type Welcome,
} from "../protocol/messages.ts";
import { parseObject } from "../protocol/schema.ts";
import { helloLine, MAX_LINE, NONCE_BYTES, proofLine, readChallenge, Seal, type Transcript } from "../protocol/wire.ts";

export interface ConnectOptions {
  readonly runtime: Runtime;
  readonly to: TcpAddress;
  /** null: plain TCP. */
  readonly tls: { readonly ca?: string; readonly serverName?: string } | null;
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
/** ms. A balancer that takes longer to answer a report is considered dead. */
const ANSWER_TIMEOUT_MS = 5_000;

interface Question {
  readonly resolve: (answer: Ok | Reject) => void;
  readonly reject: (error: unknown) => void;
}

export class ClientSession {
  readonly welcome: Welcome;
  /** Resolves when the session is over; never rejects. */
  readonly ended: Promise<SessionEnd>;
  /** What `ended` has resolved with, once it has. */
  end: SessionEnd | null = null;
  readonly #channel: LineChannel;
  readonly #seal: Seal;
  readonly #clock: Clock;
  #last: Promise<unknown> = Promise.resolve();
  #question: Question | null = null;
  /** The balancer has left a question unanswered. */
  #silent = false;

  private constructor(channel: LineChannel, seal: Seal, welcome: Welcome, clock: Clock) {
    this.#channel = channel;
    this.#seal = seal;
    this.#clock = clock;
    this.welcome = welcome;
    this.ended = this.#read();
  }

  /** Rejects with NetError, or with HarmonyError when what answers is no balancer, or not one that holds the key. */
  static async open(options: ConnectOptions, key: SharedKey, signal: AbortSignal): Promise<ClientSession> {
    const { clock } = options;
    const connection = await within(
      { ms: CONNECT_TIMEOUT_MS, clock, signal },
      (given) => connect(options, given),
      (cause) => new NetError("ETIMEDOUT", `no connection within ${CONNECT_TIMEOUT_MS / 1000} s`, cause),
    ).catch((error: unknown) => {
      if (codeOf(error) === "ENOTLS") throw noTls(options, error);
      throw codeOf(error) === "ETLS" ? badCertificate(error) : error;
    });
    const handshake = async (given: AbortSignal) => {
      given.addEventListener("abort", () => connection.abort());
      const channel = new LineChannel(connection, MAX_LINE);
      const seal = await prove(channel, options, key);
      const welcome = await readWelcome(channel, seal, options, key);
      return new ClientSession(channel, seal, welcome, clock);
    };
    try {
      return await within({ ms: HANDSHAKE_TIMEOUT_MS, clock, signal }, handshake, () =>
        balancerFault("NO_ANSWER", `${at(options)} did not finish the handshake in time`),
      );
    } catch (error) {
      connection.abort();
      throw error;
    }
  }

  /** One question at a time; the rest wait their turn. Rejects when the session ends first. */
  ask(message: FromReporter): Promise<Ok | Reject> {
    const answer = this.#last.then(() => this.#ask(message));
    this.#last = answer.catch(() => undefined); // the caller sees it; the next question fails by itself
    return answer;
  }

  async #ask(message: FromReporter): Promise<Ok | Reject> {
    if (this.end) throw balancerFault("LOST", "the session is over");
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
    this.#question?.reject("error" in end ? end.error : balancerFault("GOODBYE", end.goodbye.reason));
    this.#channel.connection.abort();
    return end;
  }

  async #readUntilEnd(): Promise<SessionEnd> {
    try {
      for (;;) {
        const line = await this.#channel.readLine();
        if (line === null) return { error: balancerFault("LOST", "the balancer closed the connection") };
        const message = readFromBalancer(this.#seal.open(line));
        if (message.t === "goodbye") return { goodbye: message };
        if (message.t !== "welcome") this.#question?.resolve(message);
      }
    } catch (error) {
      if (this.#silent) return { error: balancerFault("NO_ANSWER", "the balancer does not answer reports") };
      if (error instanceof NetError || error instanceof HarmonyError) return { error };
      throw error;
    }
  }
}

/** The balancer refused the reporter before there was a session. */
export class Refusal extends HarmonyError {
  constructor({ code, reason, retry }: Reject) {
    super(code, reason, { fault: "balancer", retry });
  }
}

interface Limits {
  readonly ms: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Runs `attempt`, whose own signal is aborted after `ms`, when it rejects with `late()`, or together with `signal`. */
async function within<T>(
  { ms, clock, signal }: Limits,
  attempt: (signal: AbortSignal) => Promise<T>,
  late: (cause: unknown) => Error,
): Promise<T> {
  const giveUp = new AbortController();
  const abort = () => giveUp.abort();
  let isLate = false;
  const cancel = clock.after(ms, () => {
    isLate = true;
    abort();
  });
  signal.addEventListener("abort", abort);
  try {
    const result = attempt(giveUp.signal);
    if (signal.aborted) abort();
    return await result;
  } catch (error) {
    throw isLate ? late(error) : error;
  } finally {
    cancel();
    signal.removeEventListener("abort", abort);
  }
}

function connect({ runtime, to, tls }: ConnectOptions, signal: AbortSignal): Promise<Connection> {
  return runtime.connect({ to, signal, ...(tls ? { tls } : {}) });
}

async function prove(channel: LineChannel, options: ConnectOptions, key: SharedKey): Promise<Seal> {
  const hello = helloLine(key.id, randomBytes(NONCE_BYTES).toString("hex"), options.software);
  await channel.send(hello);
  const challenge = await nextLine(channel, options);
  readChallenge(challenge);
  const transcript: Transcript = { hello: Buffer.from(hello), challenge: Uint8Array.from(challenge) };
  await channel.send(proofLine(key.secret, transcript));
  return new Seal("reporter", key.secret, transcript);
}

/** The seal of the welcome is the balancer's proof that it holds the key. */
async function readWelcome(
  channel: LineChannel,
  seal: Seal,
  options: ConnectOptions,
  key: SharedKey,
): Promise<Welcome> {
  const line = await nextLine(channel, options);
  try {
    const message = readFromBalancer(seal.open(line));
    if (message.t === "welcome") return message;
    if (message.t === "reject") throw new Refusal(message);
  } catch (error) {
    if (!(error instanceof HarmonyError) || error.code !== "BAD_SEAL") throw error;
  }
  throw balancerFault("BAD_KEY", `what answers at ${at(options)} did not prove that it holds key "${key.id}"`);
}

/** The next line of the handshake. Throws where that is a refusal, or the connection ends. */
async function nextLine(channel: LineChannel, options: ConnectOptions): Promise<Uint8Array> {
  let line: Uint8Array | null;
  let refused: ReturnType<typeof UnsealedReject.safeParse>;
  try {
    line = await channel.readLine();
    refused = UnsealedReject.safeParse(line ? parseObject(line) : {});
  } catch (cause) {
    if (cause instanceof NetError) throw cause;
    if (codeOf(cause) === "IS_TLS") throw tlsOnly(options, cause);
    throw balancerFault("NO_BALANCER", `what answers at ${at(options)} is no balancer's control port`, cause);
  }
  if (refused.success) throw new Refusal(refused.data);
  if (line) return line;
  throw balancerFault("LOST", `${at(options)} closed the connection during the handshake`);
}

function noTls(options: ConnectOptions, cause: unknown): HarmonyError {
  const remedy =
    "start the reporter without --tls and --tls-ca, or the balancer with --admin-tls-cert and --admin-tls-key";
  return balancerFault("NO_TLS", `${at(options)} does not speak TLS: ${remedy}`, cause);
}

/** What the runtime says of it has no remedy in it. */
function badCertificate(cause: unknown): NetError {
  const remedy = "--tls-ca says which certificates are trusted, --host which name the balancer's has to be for";
  return new NetError("ETLS", `${messageOf(cause)} (${remedy})`, cause);
}

function tlsOnly(options: ConnectOptions, cause: unknown): HarmonyError {
  const remedy = "start the reporter with --tls, or with --tls-ca and the balancer's certificate";
  return balancerFault("TLS_ONLY", `${at(options)} speaks TLS: ${remedy}`, cause);
}

function at({ to }: ConnectOptions): string {
  return formatAddress(to);
}

function balancerFault(code: string, message: string, cause?: unknown): HarmonyError {
  return new HarmonyError(code, message, { fault: "balancer", retry: true, cause });
}
