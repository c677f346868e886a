/**
 * The way of the few clients that the handler form of `unavailable` answers. The handler runs in the main thread, whose sockets
 * are the runtime's; the client's descriptor belongs to a worker. So the worker relays that client to a loopback port of the main
 * thread as if it were a target, behind a preamble with a secret. That may cost something, since it is rare, and needs no code that
 * knows how each runtime would take over a descriptor.
 */

import { Buffer } from "node:buffer";
import { randomBytes, timingSafeEqual } from "node:crypto";
import type { NetError } from "../../../net/net-error.ts";
import type { Connection, Listener, Runtime, TcpAddress } from "../../../net/runtime.ts";
import { answerByHandler } from "../../../proxy/answer.ts";
import { connectTimedOut } from "../../../proxy/connect-failure.ts";
import type { UnavailableReason } from "../../../proxy/outcome.ts";
import { LINGER_MS, messageFor, UnavailableError, type UnavailableHandler } from "../../../proxy/unavailable.ts";
import { ClientSocket } from "../../../proxy/unavailable-socket.ts";
import { formatAddress } from "../../../util/address.ts";
import type { Cancel, Clock } from "../../../util/clock.ts";
import type { ServedPool } from "../../engine.ts";
import { PREAMBLE_BYTES, readPreamble, SECRET_BYTES } from "../shared/preamble.ts";
import { TIMED_OUT } from "../shared/tried.ts";
import { failureOf } from "../sys/errno.ts";

/** ms for the worker's preamble: a worker sends it at once, so a connection that takes longer is not a worker's. */
const PREAMBLE_MS = 5_000;

export interface HandlerBridgeParts {
  readonly runtime: Runtime;
  readonly clock: Clock;
  /** The pool of a number; undefined: it was removed. */
  readonly served: (pool: number) => ServedPool | undefined;
  /** Has a worker reset one of its clients. */
  readonly drop: (worker: number, ticket: number) => void;
  readonly warn: (message: string, cause?: unknown) => void;
}

export class HandlerBridge {
  readonly secret = randomBytes(SECRET_BYTES);
  readonly #parts: HandlerBridgeParts;
  #listener: Listener | null = null;

  constructor(parts: HandlerBridgeParts) {
    this.#parts = parts;
  }

  /** Returns the port. Rejects with NetError. */
  async open(): Promise<number> {
    const accept = (connection: Connection) => {
      this.#admit(connection).catch(() => connection.abort()); // it was lost before its preamble came
    };
    this.#listener = await this.#parts.runtime.listen({ host: "127.0.0.1", port: 0 }, accept, (error) =>
      this.#parts.warn(`clients without a target cannot be answered: ${error.message}`, error),
    );
    return this.#listener.address.port;
  }

  async close(): Promise<void> {
    await this.#listener?.close();
  }

  async #admit(connection: Connection): Promise<void> {
    const cancel = this.#parts.clock.after(PREAMBLE_MS, () => connection.abort());
    const bytes = await readAtLeast(connection, PREAMBLE_BYTES);
    cancel();
    if (bytes === null || !timingSafeEqual(bytes.subarray(0, SECRET_BYTES), this.secret)) {
      connection.abort();
      return;
    }
    const { client, failure, local, pool, reason, row, ticket, worker } = readPreamble(bytes);
    const served = this.#parts.served(pool);
    const bridged = new BridgedClient(connection, bytes.subarray(PREAMBLE_BYTES), {
      remote: client,
      local,
      drop: () => this.#parts.drop(worker, ticket),
    });
    const handler = served?.unavailable;
    if (served === undefined || typeof handler !== "function")
      bridged.abort(); // it was taken away a moment ago
    else await this.#answer(bridged, handler, reason, failureIn(served, failure, row));
  }

  async #answer(
    connection: Connection,
    handler: UnavailableHandler,
    reason: UnavailableReason,
    failure: NetError | undefined,
  ): Promise<void> {
    const { clock, warn } = this.#parts;
    const socket = new ClientSocket(connection);
    let cancel: Cancel | undefined;
    const lingering = () => {
      cancel = clock.after(LINGER_MS, () => socket.destroy());
    };
    const error = new UnavailableError(reason, messageFor(reason), failure);
    await answerByHandler(socket, handler, error, lingering, warn);
    cancel?.();
  }
}

/** A client's last connect failure, if it had one. `row` is the target's. */
function failureIn(served: ServedPool, errno: number, row: number): NetError | undefined {
  if (errno === 0) return undefined;
  if (errno === TIMED_OUT) return connectTimedOut(served);
  return failureOf(errno, `cannot connect to ${formatAddress(served.pool.address(row))}`);
}

/** Null when the other side ends before that. */
async function readAtLeast(connection: Connection, length: number): Promise<Buffer | null> {
  let all = Buffer.alloc(0);
  while (all.length < length) {
    const bytes = await connection.read();
    if (bytes === null) return null;
    all = Buffer.concat([all, bytes]);
  }
  return all;
}

interface ClientParts {
  readonly remote: TcpAddress;
  readonly local: TcpAddress;
  /** Has the worker reset the client: to it, a runtime that cannot send a reset would seem to have sent FIN. */
  readonly drop: () => void;
}

/** The connection behind its preamble, with the client's own addresses. */
class BridgedClient implements Connection {
  readonly local: TcpAddress;
  readonly remote: TcpAddress;
  readonly #inner: Connection;
  readonly #drop: () => void;
  #first: Uint8Array | null;

  /** `first`: bytes that came with the preamble. */
  constructor(inner: Connection, first: Uint8Array, { remote, local, drop }: ClientParts) {
    this.#inner = inner;
    this.#first = first.length > 0 ? first : null;
    this.remote = remote;
    this.local = local;
    this.#drop = drop;
  }

  get unsent(): number {
    return this.#inner.unsent;
  }

  readable(): Promise<void> {
    return this.#first === null ? this.#inner.readable() : Promise.resolve();
  }

  get atEnd(): boolean {
    return this.#first === null && this.#inner.atEnd;
  }

  read(): Promise<Uint8Array | null> {
    const first = this.#first;
    if (first === null) return this.#inner.read();
    this.#first = null;
    return Promise.resolve(first);
  }

  unread(bytes: Uint8Array): void {
    if (bytes.length > 0) this.#first = this.#first === null ? bytes : Buffer.concat([bytes, this.#first]);
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.#inner.write(bytes);
  }

  closeWrite(): Promise<void> {
    return this.#inner.closeWrite();
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  abort(): void {
    this.#inner.abort();
    this.#drop();
  }
}
