/**
 * Where the handler form of `unavailable` meets the clients that it is to answer. It runs in the main thread, whose sockets
 * are the runtime's; the client's descriptor belongs to a worker. So the worker relays that client to a loopback port of the
 * main thread as if it were a target, and says first, with a secret, which connection it is. This path is for the few that get
 * no target: it may cost something, and needs no code that knows how a runtime takes over a descriptor.
 */

import { Buffer } from "node:buffer";
import { randomBytes, timingSafeEqual } from "node:crypto";
import { runtime } from "#runtime";
import { showAddress } from "../../../net/address.ts";
import { NetError } from "../../../net/net-error.ts";
import type { Connection, Listener, TcpAddress } from "../../../net/runtime.ts";
import type { Pool } from "../../../pool/pool.ts";
import { answerByHandler } from "../../../proxy/answer.ts";
import { CAUSES, type UnavailableReason } from "../../../proxy/outcome.ts";
import { LINGER_MS, messageFor, UnavailableError, type UnavailableHandler } from "../../../proxy/unavailable.ts";
import { ClientSocket } from "../../../proxy/unavailable-socket.ts";
import { failureOf } from "../sys/errno.ts";
import { formatWords } from "../sys/sockaddr.ts";
import { TIMED_OUT } from "../worker/course.ts";
import { PREAMBLE_BYTES, PREAMBLE_WORDS, SECRET_BYTES } from "../worker/unavailable.ts";

/** ms for the worker's preamble: it is sent at once, so whoever takes longer is a stranger. */
const PREAMBLE_MS = 5_000;

export interface HandlerBridgeParts {
  readonly handler: UnavailableHandler;
  readonly pool: Pool;
  readonly connectTimeout: number;
  /** Where the clients connected to. */
  readonly local: () => TcpAddress;
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
      this.#admit(connection).catch(() => connection.abort()); // whoever leaves before saying who it is, leaves
    };
    this.#listener = await runtime.listen({ host: "127.0.0.1", port: 0 }, accept, (error) =>
      this.#parts.warn(`clients without a target cannot be answered: ${error.message}`, error),
    );
    return this.#listener.address.port;
  }

  async close(): Promise<void> {
    await this.#listener?.close();
  }

  async #admit(connection: Connection): Promise<void> {
    const timer = setTimeout(() => connection.abort(), PREAMBLE_MS);
    const bytes = await readAtLeast(connection, PREAMBLE_BYTES);
    clearTimeout(timer);
    if (bytes === null || !timingSafeEqual(bytes.subarray(0, SECRET_BYTES), this.secret)) {
      connection.abort();
      return;
    }
    const words = new Uint32Array(PREAMBLE_WORDS);
    for (let i = 0; i < words.length; i++) words[i] = bytes.readUInt32BE(SECRET_BYTES + 4 * i);
    const [worker, ticket, reason, errno, row] = words as unknown as [number, number, number, number, number];
    const client = new BridgedClient(connection, bytes.subarray(PREAMBLE_BYTES), {
      remote: { host: formatWords(words, 5), port: words[9]! },
      local: this.#parts.local(),
      drop: () => this.#parts.drop(worker, ticket),
    });
    await this.#answer(client, CAUSES[reason] as UnavailableReason, this.#failure(errno | 0, row));
  }

  async #answer(connection: Connection, reason: UnavailableReason, failure: NetError | undefined): Promise<void> {
    const { handler, warn } = this.#parts;
    const socket = new ClientSocket(connection);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const lingering = () => {
      timer = setTimeout(() => socket.destroy(), LINGER_MS);
    };
    const error = new UnavailableError(reason, messageFor(reason), failure);
    await answerByHandler(socket, handler, error, lingering, warn);
    clearTimeout(timer);
  }

  /** The last connect failure of this client, if there was one. */
  #failure(errno: number, row: number): NetError | undefined {
    if (errno === 0) return undefined;
    if (errno === TIMED_OUT) return new NetError("ETIMEDOUT", `no answer within ${this.#parts.connectTimeout} ms`);
    return failureOf(errno, `cannot connect to ${showAddress(this.#parts.pool.address(row))}`);
  }
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
  /** Has the worker reset the client: a runtime that cannot send a reset would only seem to have finished writing. */
  readonly drop: () => void;
}

/** The connection with the preamble taken off and the client's own addresses put on. */
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

  readable(): Promise<void> {
    return this.#first === null ? this.#inner.readable() : Promise.resolve();
  }

  read(): Promise<Uint8Array | null> {
    const first = this.#first;
    if (first === null) return this.#inner.read();
    this.#first = null;
    return Promise.resolve(first);
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
