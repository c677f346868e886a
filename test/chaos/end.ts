/** One end of a conversation: a socket that follows a script, and what it has seen. */
import type { Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import type { StreamPattern } from "../support/kernel/peers/stream-pattern.ts";
import type { Ending, Script } from "./plan.ts";
import { connectionName, hasPeer, TIME_WAIT } from "./tcp-states.ts";

const PIECE = 64 * 1024;

/** Checks what has come, at its place in the stream. */
export type OnBytes = (offset: number, bytes: Uint8Array) => void;

export interface EndOptions {
  readonly script: Script;
  readonly out: StreamPattern;
  readonly onBytes: OnBytes;
  /** Bytes that it has sent and received already. */
  readonly sent?: number;
  readonly received?: number;
}

export class End {
  readonly socket: Socket;
  /** As the kernel's table of connections has it. */
  name = "";
  readonly #script: Script;
  readonly #out: StreamPattern;
  readonly #onBytes: OnBytes;
  readonly #stalls: Script["stalls"][number][];
  /** Bytes handed to the socket. */
  sent: number;
  received: number;
  /** All that was sent is followed by a FIN. */
  finSent = false;
  finReceived = false;
  /** How it left: by its script, or "crash", or "close" where it could not be reset any more. Undefined while it stays. */
  left: Ending | "crash" | undefined;
  /** Code of the error that ended it, if one did. */
  error: string | undefined;
  /** What passes for a FIN may be a reset: `settle()` tells. */
  #doubtful = false;
  /** The socket is gone. */
  over = false;
  readonly done: Promise<void>;
  readonly #ended = new AbortController();
  readonly #release = new AbortController();

  constructor(socket: Socket, { script, out, onBytes, sent = 0, received = 0 }: EndOptions) {
    this.socket = socket;
    this.#script = script;
    this.#out = out;
    this.#onBytes = onBytes;
    this.#stalls = [...script.stalls];
    this.sent = sent;
    this.received = received;
    socket.on("data", (bytes: Buffer) => this.take(bytes));
    socket.on("end", () => this.#gotEnd());
    socket.on("error", (error: NodeJS.ErrnoException) => {
      this.error ??= error.code ?? error.message;
    });
    this.done = new Promise((resolve) => {
      socket.once("close", () => {
        this.over = true;
        this.#ended.abort();
        resolve();
      });
    });
  }

  /** Bytes that have come. */
  take(bytes: Uint8Array): void {
    this.#onBytes(this.received, bytes);
    this.received += bytes.length;
    if (this.#stalls.length > 0 && this.received >= this.#stalls[0]!.at) this.#stall(this.#stalls.shift()!.ms);
  }

  /** Begins with its script. */
  start(): void {
    this.name = connectionName(this.socket);
    void this.#follow().catch((error: Error) => {
      if (error.name !== "AbortError") throw error;
    });
  }

  /** Within a minute after its end: decides what was in doubt by the kernel's table of connections. */
  settle(states: ReadonlyMap<string, number>): void {
    if (!this.#doubtful) return;
    this.#doubtful = false;
    if (states.get(this.name) !== TIME_WAIT) this.#wasReset();
  }

  #gotEnd(): void {
    this.finReceived = true;
    if (hasPeer(this.socket)) return;
    if (this.finSent) this.#doubtful = true;
    else this.#wasReset();
  }

  #wasReset(): void {
    this.finReceived = false;
    this.error ??= "ECONNRESET";
  }

  /** Ends the pause before its ending, which otherwise is for ever. */
  release(): void {
    this.#release.abort();
  }

  crash(): void {
    if (!this.over) this.#leave("crash");
  }

  async #follow(): Promise<void> {
    for (const { after, bytes } of this.#script.writes) {
      await this.#pause(after);
      for (let left = bytes; left > 0; left -= PIECE) await this.#write(Math.min(left, PIECE));
    }
    const { after, how } = this.#script.end;
    if (after === Number.POSITIVE_INFINITY) await aborted(this.#release.signal, this.#ended.signal);
    else await this.#pause(after);
    if (how === "follow" && !this.finReceived) await once(this.socket, "end", this.#ended.signal);
    if (this.over) return;
    this.#leave(how);
  }

  #leave(how: Ending | "crash"): void {
    this.left = how;
    if (how === "fin" || how === "follow") {
      this.finSent = true;
      this.socket.end();
    } else if (how === "close" || !reset(this.socket)) {
      this.left = "close";
      this.socket.destroy();
    }
  }

  async #write(length: number): Promise<void> {
    if (this.over || !this.socket.writable) throw new DOMException("the socket is gone", "AbortError");
    const piece = this.#out.piece(this.sent, length);
    this.sent += length;
    if (!this.socket.write(piece)) await once(this.socket, "drain", this.#ended.signal);
  }

  async #pause(ms: number): Promise<void> {
    if (ms > 0) await delay(ms, undefined, { signal: this.#ended.signal });
  }

  #stall(ms: number): void {
    this.socket.pause();
    void delay(ms, undefined, { signal: this.#ended.signal }).then(
      () => this.socket.resume(),
      () => undefined,
    );
  }

  toString(): string {
    const { error, finReceived, finSent, left, over, received, sent } = this;
    const facts = [
      `sent ${sent}`,
      `received ${received}`,
      ...(finSent ? ["FIN sent"] : []),
      ...(finReceived ? ["FIN received"] : []),
      ...(left ? [`left by ${left}`] : []),
      ...(error ? [error] : []),
      over ? "over" : "open",
    ];
    return facts.join(", ");
  }
}

/** Ends a socket with a reset. False: it cannot any more, since on Node a FIN that is on its way out makes the reset fail and leaves the descriptor open. */
export function reset(socket: Socket): boolean {
  if (socket.writableEnded) return false;
  socket.resetAndDestroy();
  return true;
}

/** An event of the socket. Rejects with an AbortError when the socket ends without it. */
function once(socket: Socket, event: "drain" | "end", ended: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      socket.off(event, settle);
      ended.removeEventListener("abort", settle);
      if (ended.aborted) reject(new DOMException("the socket is gone", "AbortError"));
      else resolve();
    };
    if (ended.aborted) settle();
    socket.once(event, settle);
    ended.addEventListener("abort", settle);
  });
}

function aborted(...signals: AbortSignal[]): Promise<void> {
  return new Promise((resolve) => {
    if (signals.some((signal) => signal.aborted)) resolve();
    for (const signal of signals) signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
