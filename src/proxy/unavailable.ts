import type { Duplex } from "node:stream";
import type { EndCause, UnavailableReason } from "./outcome.ts";

/** Passed to the function form of `unavailable`. `code` is the reason; `cause` the last connect failure, if any. */
export class UnavailableError extends Error {
  override readonly name = "UnavailableError";
  readonly code: UnavailableReason;

  constructor(code: UnavailableReason, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}

/**
 * The client's connection as a stream with a net.Socket's basics. Nagle is off and keepalive on, whatever is asked. A program
 * without Node's types does not see Duplex; what an answer needs is therefore declared here as well.
 */
export interface UnavailableSocket extends Duplex {
  write(chunk: string | Uint8Array, done?: (error?: Error | null) => void): boolean;
  write(chunk: string | Uint8Array, encoding?: string, done?: (error?: Error | null) => void): boolean;
  end(done?: () => void): this;
  end(chunk: string | Uint8Array, done?: () => void): this;
  end(chunk: string | Uint8Array, encoding?: string, done?: () => void): this;
  destroy(error?: Error): this;
  setEncoding(encoding: string): this;
  on(event: "error", listener: (error: Error) => void): this;
  // biome-ignore lint/suspicious/noExplicitAny: a listener takes what its event brings
  on(event: string | symbol, listener: (...args: any[]) => void): this;
  once(event: "error", listener: (error: Error) => void): this;
  // biome-ignore lint/suspicious/noExplicitAny: a listener takes what its event brings
  once(event: string | symbol, listener: (...args: any[]) => void): this;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  /** Emits "timeout" after that many ms without a byte either way; ends nothing by itself. 0 switches it off. */
  setTimeout(ms: number, onTimeout?: () => void): this;
  setNoDelay(noDelay?: boolean): this;
  setKeepAlive(enable?: boolean, initialDelay?: number): this;
  /** Destroys it once what was written has been sent. */
  destroySoon(): void;
}
export type UnavailableHandler = (error: UnavailableError, socket: UnavailableSocket) => unknown;

/** ms in which a client has to take its answer, or a handler to give it: long for a person's patience, short for a leak. */
export const ANSWER_MS = 30_000;

/**
 * ms for which a client may go on sending after our FIN. A socket that is closed with unread bytes sends a reset, and a reset
 * overtakes the answer (RFC 9112, 9.6); a client that has not read it by then is not going to.
 */
export const LINGER_MS = 5_000;
/** ms that answers under way get after the close time-out: enough for a text in a socket's buffer. */
export const LAST_ANSWERS_MS = 1_000;

/** Bytes read and dropped in that time: an upload that is under way when the answer comes, but not one without end. */
export const LINGER_BYTES = 16 * 1024 * 1024;

/** As parts of a sentence, on one connection or on many. */
const REASONS: Record<UnavailableReason, string> = {
  "no-targets": "no target is up and below its limit",
  "connect-failed": "every target tried failed",
  "queue-full": "the queue is full",
  "queue-timeout": "waiting in the queue took too long",
  stopping: "the balancer is stopping",
};

/** Other causes than these are named as they are. */
export function reasonText(cause: EndCause): string {
  return (REASONS as Partial<Record<EndCause, string>>)[cause] ?? cause;
}

export function messageFor(reason: UnavailableReason): string {
  return `Unavailable: ${reasonText(reason)}`;
}
