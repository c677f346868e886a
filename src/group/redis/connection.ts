/** One connection to one server: commands out, answers in, both bounded. When it ends, so does everything that was asked on it. */
import type { Socket } from "node:net";
import type { Redis, RedisOptions } from "ioredis";
import type { Address } from "../../net/runtime.ts";
import { formatAddress } from "../../util/address.ts";
import type { Cancel, Clock } from "../../util/clock.ts";
import { deferred } from "../../util/deferred.ts";
import type { HarmonyError } from "../../util/errors.ts";
import { AnswerGuard, type AnswerLimits } from "./answer-guard.ts";
import { connectSocket, type SocketTerms } from "./connect-socket.ts";
import { GuardedStream } from "./guarded-stream.ts";
import { badAnswer, lostError, ReplyError, unneededError } from "./reply.ts";

export type Library = Pick<typeof import("ioredis"), "Redis" | "AbstractConnector">;

/** A command and its arguments. */
export type Command = readonly [string, ...string[]];

/** What a server answers: a text, a number, nothing, lists of these; or an error, also within what a transaction gives. */
export type Answer = string | number | null | ReplyError | readonly Answer[];

/** What all connections of a store have in common. */
export interface ConnectionTerms extends SocketTerms {
  readonly library: Library;
}

/** ms for a connection to be made, and for an answer. A server that takes longer is of no use: what waits here is targets' states. */
export const ANSWER_MS = 2_000;
/** Of what a server has not taken yet, in bytes. */
const MAX_UNSENT = 32 * 1024 * 1024;
const MAX_ITEMS = 400_000;

const CLOSED = "has closed the connection";
/** What a server of TLS does with commands. */
const CLOSES = "closes the connection without an answer";
const SPEAKS_TLS = ": where it speaks TLS at that port, write rediss instead of redis in group";

/** A balancer keeps far less. Larger texts than a group writes come in, so that it can be said which they are. */
const LIMITS: AnswerLimits = { text: 1024 * 1024, bytes: 64 * 1024 * 1024, items: MAX_ITEMS };

export class Connection {
  readonly where: string;
  /** Why it has ended. Never rejects. */
  readonly ended: Promise<HarmonyError>;
  onMessage: (text: string) => void = () => undefined;
  readonly #end = deferred<HarmonyError>();
  #reason: HarmonyError | null = null;
  readonly #clock: Clock;
  readonly #guard: AnswerGuard;
  readonly #stream: GuardedStream;
  readonly #redis: Redis;
  readonly #waiting = new Set<(reason: HarmonyError) => void>();

  /** Rejects with HarmonyError. */
  static async open(address: Address, terms: ConnectionTerms): Promise<Connection> {
    const socket = await connectSocket(address, terms, ANSWER_MS);
    const connection = new Connection(address, socket, terms);
    await connection.#begin();
    return connection;
  }

  private constructor(address: Address, socket: Socket, terms: ConnectionTerms) {
    const where = formatAddress(address);
    this.where = where;
    this.ended = this.#end.promise;
    this.#clock = terms.clock;
    this.#guard = new AnswerGuard(LIMITS);
    this.#stream = new GuardedStream(socket, this.#guard, (problem) => this.#fail(badAnswer(where, problem)));
    const lost = () => {
      const isRefused = !this.#guard.hasHeard && terms.tls === null && "port" in address;
      this.#fail(lostError(where, isRefused ? `${CLOSES}${SPEAKS_TLS}` : CLOSED));
    };
    this.#stream.on("error", lost);
    this.#stream.on("close", lost);
    this.#redis = new terms.library.Redis(optionsOf(terms.library, this.#stream));
    this.#redis.on("error", (error) => this.#fail(badAnswer(where, `its answers make no sense (${error.name})`)));
    this.#redis.on("message", (_, text) => this.onMessage(text));
    const unneeded = () => this.#fail(unneededError(where));
    terms.signal.addEventListener("abort", unneeded);
    void this.ended.then(() => terms.signal.removeEventListener("abort", unneeded));
    if (terms.signal.aborted) unneeded();
  }

  /** The answers, in the order of the commands. Errors among them are no rejection: without an answer it rejects, with HarmonyError. */
  ask(commands: readonly Command[]): Promise<Answer[]> {
    if (this.#reason !== null) return Promise.reject(this.#reason);
    if (this.#stream.writableLength > MAX_UNSENT) {
      return Promise.reject(lostError(this.where, "does not take what it is sent fast enough"));
    }
    this.#guard.expect(commands.length);
    this.#stream.cork();
    const answers = commands.map(([name, ...rest]) => settled(this.#redis.call(name, rest)));
    this.#stream.uncork();
    return this.#inTime(Promise.all(answers));
  }

  /** From now on it only listens, and answers ping(). */
  async subscribe(channel: string): Promise<Answer> {
    if (this.#reason !== null) throw this.#reason;
    this.#guard.listen();
    return this.#inTime(settled(this.#redis.subscribe(channel)));
  }

  /** Of one that listens: whether the server is still there. */
  async ping(): Promise<void> {
    if (this.#reason !== null) throw this.#reason;
    await this.#inTime(settled(this.#redis.ping()));
  }

  /** Ends it, for that reason. */
  drop(reason: HarmonyError): void {
    this.#fail(reason);
  }

  async #begin(): Promise<void> {
    await this.#inTime(this.#redis.connect().catch(() => this.#fail(lostError(this.where, CLOSED))));
    if (this.#reason !== null) throw this.#reason;
  }

  /** A server that owes an answer for so long is given up, with all that it owes. */
  #inTime<T>(answer: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const cancel: Cancel = this.#clock.after(ANSWER_MS, () =>
        this.#fail(lostError(this.where, `has not answered for ${ANSWER_MS / 1000} s`)),
      );
      const end = (act: () => void) => {
        cancel();
        this.#waiting.delete(give);
        act();
      };
      const give = (reason: HarmonyError) => end(() => reject(reason));
      this.#waiting.add(give);
      // What the library says of a connection that has ended comes after the reason, and is not the reason.
      answer.then(
        (value) => end(() => resolve(value)),
        () => this.#fail(lostError(this.where, CLOSED)),
      );
    });
  }

  #fail(reason: HarmonyError): void {
    if (this.#reason !== null) return;
    this.#reason = reason;
    for (const give of [...this.#waiting]) give(reason);
    this.#redis.disconnect();
    this.#stream.destroy();
    this.#end.resolve(reason);
  }
}

/** It does as it is told, and nothing by itself: no other connection, no queue, no greeting. */
function optionsOf({ AbstractConnector }: Library, stream: GuardedStream) {
  class Connector extends AbstractConnector {
    constructor() {
      super(0);
    }
    override connect(): Promise<Socket> {
      return Promise.resolve(stream as unknown as Socket); // the library calls no more of a socket than the stream has
    }
    override disconnect(): void {
      stream.destroy();
    }
  }
  return {
    Connector,
    lazyConnect: true,
    protocol: 2,
    retryStrategy: null,
    reconnectOnError: null,
    maxRetriesPerRequest: null,
    enableReadyCheck: false,
    enableOfflineQueue: false,
    autoResubscribe: false,
    autoResendUnfulfilledCommands: false,
    disableClientInfo: true,
  } as const satisfies RedisOptions;
}

/** Errors that the server has sent are answers. Their objects hold the command, and so a password: only the text goes on. */
async function settled(call: Promise<unknown>): Promise<Answer> {
  try {
    return plain(await call);
  } catch (error) {
    if (isReply(error)) return new ReplyError(error.message);
    throw error;
  }
}

function plain(value: unknown): Answer {
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Error) return new ReplyError(value.message);
  return typeof value === "string" || typeof value === "number" ? value : null;
}

function isReply(error: unknown): error is Error {
  return error instanceof Error && /Reply/.test(error.constructor.name + error.name);
}
