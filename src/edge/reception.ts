/**
 * What is asked of a client before it is served, in the order of rules.ts: synchronous, without I/O. Engines and TLS threads fetch the bytes
 * that it wants, keep its time, and carry out what it decides; who is refused is counted here.
 *
 * Where neither a PROXY header nor a ClientHello is wanted, `Edge.admitPeer()` and `Edge.admitClient()` are all, and allocate nothing.
 * Else a `Reception` goes on from admitPeer() to a decision.
 */
import type { TcpAddress } from "../net/runtime.ts";
import type { ClientFacts } from "./facts.ts";
import type { RefusalAnswer } from "./rules.ts";

/** Nothing to give back: the claim of clients that nobody counts. */
export { NO_CLAIM } from "./access/client-limits.ts";
/** Connections that one thread receives at a time: from there on each newcomer takes the place of the oldest, which is refused as "crowded". */
export const MOST_IN_RECEPTION = 4096;
/** Connections that a process keeps waiting before it turns them away; from there on they get a reset. */
export const MOST_IN_TARPIT = 10_000;

/**
 * The rules of a listener, in use by one thread: see openEdge(). Addresses are the four words of util/client-key.ts, whole, not narrowed to the
 * client's. Lists and limits do not ask peers on Unix sockets, which have none: who may connect there, the mode of the file says.
 */
export interface Edge {
  /** Whether a Reception is needed. If not, the route is `plainRoute`. */
  readonly reads: boolean;
  /** The route of those of whom nothing is read; -1: they are refused. */
  readonly plainRoute: number;
  /**
   * At accept, before anything is taken for the connection. Where headers are wanted: whether the peer may send one, else whether its
   * address may come. ADMITTED, or what it is refused for, an index into REFUSALS.
   */
  admitPeer(words: Uint32Array, at: number): number;
  /**
   * The limits, and where headers are wanted the client's address first. Not negative: a claim, to be given back by release() once the
   * connection has ended, however it did, to the same listener's limits; NO_CLAIM: there is none. Negative: ~n, n the index into REFUSALS.
   * `now`: ms.
   */
  admitClient(words: Uint32Array, at: number, now: number): number;
  release(claim: number): void;
  /** Of a peer that admitPeer() has let in, where `reads`. `port`: the peer's; 0 where it has no address. */
  receive(words: Uint32Array, at: number, port: number): Reception;
  /** Counts one who is refused for what only the caller knows ("crowded", "handshake" …). */
  refuse(refusal: number): void;
  /** What those get who are refused for it. */
  answerTo(refusal: number): RefusalAnswer;
}

/** Admitted by admitPeer(). */
export const ADMITTED = -1;

/** One client, from admitPeer() to a decision. */
export interface Reception {
  /** What it holds now, as admitClient() gives it: where this thread dies, another one gives that back. */
  readonly claim: number;
  /**
   * What is to be done, given all bytes from the client that have come and have not been consumed. Calls with the same or more bytes are
   * fine, as often as one likes. After "consume" it is to be called again with what follows, even if that is nothing yet.
   */
  step(bytes: Uint8Array, now: number): Step;
  /** Its time is over, or the peer has closed, before there was a decision: what it is refused for. Holds no claim afterwards. */
  cutShort(): Refused;
  /** It has been reset, or the listener closes: gives back its claim. Nobody is refused, nothing counted. */
  abandon(): void;
}

export type Step =
  /** There is no decision before `bytes` has so many bytes in all. */
  | { readonly type: "read"; readonly atLeast: number }
  /** So many bytes at the start are no client's, and are to be taken away: targets never see them. */
  | { readonly type: "consume"; readonly length: number }
  | Refused
  | Decided;

export interface Refused {
  readonly type: "refused";
  /** An index into REFUSALS. It has been counted. */
  readonly refusal: number;
  readonly answer: RefusalAnswer;
}

export interface Decided {
  readonly type: "decided";
  readonly route: number;
  /** As admitClient(): the engine's from here on. */
  readonly claim: number;
  /** null: the peer itself. */
  readonly client: TcpAddress | null;
  readonly facts: ClientFacts;
}
