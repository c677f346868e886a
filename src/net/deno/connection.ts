import { Buffer } from "node:buffer";
import { endOf } from "../adapter.ts";
import { type NetError, netError, toNetError } from "../net-error.ts";
import type { Connection, TcpAddress } from "../runtime.ts";

/** The first read of a connection; most carry no more at once. Full reads quadruple it, up to the largest. */
const FIRST_BUFFER = 4 * 1024;
export const LARGEST_BUFFER = 64 * 1024;

/** A stream socket of Deno. It pulls as the contract does: what is added is one buffer and the rules at the end. */
export class DenoConnection implements Connection {
  readonly #conn: Deno.Conn;
  readonly #sealed: boolean;
  /** Reused by each read: a chunk is the caller's until its next one. */
  #buffer: Uint8Array | null = null;
  #held: Uint8Array | null = null;
  #ended = false;
  #filling: Promise<void> | null = null;
  #writing: Promise<void> | null = null;
  /** Of the write under way. */
  #unsent = 0;
  #finished = false;
  #lost: NetError | null = null;
  #closing: Promise<void> | null = null;
  #gone = false;

  /** `sealed`: TLS, where close() has to announce the end itself. */
  constructor(conn: Deno.Conn, sealed = false) {
    this.#conn = conn;
    this.#sealed = sealed;
  }

  get local(): TcpAddress {
    return addressOf(this.#conn.localAddr);
  }

  get remote(): TcpAddress {
    return addressOf(this.#conn.remoteAddr);
  }

  get unsent(): number {
    return this.#unsent;
  }

  readable(): Promise<void> {
    return this.#refusal() ?? (this.#held === null && !this.#ended ? this.#fill() : Promise.resolve());
  }

  get atEnd(): boolean {
    return this.#ended && this.#held === null;
  }

  async read(): Promise<Uint8Array | null> {
    await this.readable();
    const bytes = this.#held;
    this.#held = null;
    return bytes;
  }

  unread(bytes: Uint8Array): void {
    if (this.#gone || bytes.length === 0) return;
    this.#held = this.#held === null ? bytes : Buffer.concat([bytes, this.#held]);
  }

  write(bytes: Uint8Array): Promise<void> {
    const refusal = this.#refusal();
    if (refusal !== null) return refusal;
    if (this.#finished) return Promise.reject(netError("ECLOSED", "write() after closeWrite()"));
    this.#writing = this.#send(bytes);
    return this.#writing;
  }

  async closeWrite(): Promise<void> {
    if (this.#finished || this.#gone) return;
    this.#finished = true;
    await this.#flushed();
    try {
      if (!this.#gone) await this.#conn.closeWrite();
    } catch (error) {
      this.#lose(error, "sending FIN");
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#closeNow();
    return this.#closing;
  }

  abort(): void {
    this.#closing ??= Promise.resolve();
    this.#release();
  }

  async #closeNow(): Promise<void> {
    if (this.#sealed) await this.closeWrite(); // otherwise closing sends the FIN
    this.#finished = true;
    await this.#flushed();
    this.#release();
  }

  #release(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#held = null;
    this.#conn.close(); // also rejects what is pending
  }

  /** Settles with the write under way, failed or not: its caller is told which. */
  async #flushed(): Promise<void> {
    await this.#writing?.then(undefined, () => undefined);
  }

  /** One read from the kernel into `held`, shared by `read()` and a pending `readable()`. */
  #fill(): Promise<void> {
    this.#filling ??= this.#fillNow();
    return this.#filling;
  }

  async #fillNow(): Promise<void> {
    this.#buffer ??= new Uint8Array(FIRST_BUFFER);
    const buffer = this.#buffer;
    try {
      const length = await this.#conn.read(buffer);
      if (this.#closing !== null) throw netError("ECLOSED", "reading");
      if (length === null) this.#ended = true;
      else this.#hold(length === buffer.length ? buffer : buffer.subarray(0, length));
      if (length === buffer.length && length < LARGEST_BUFFER) this.#buffer = new Uint8Array(length * 4);
    } catch (error) {
      throw this.#lose(error, "reading");
    } finally {
      this.#filling = null;
    }
  }

  /** Behind what was given back while these were on their way. */
  #hold(bytes: Uint8Array): void {
    this.#held = this.#held === null ? bytes : Buffer.concat([this.#held, bytes]);
  }

  async #send(bytes: Uint8Array): Promise<void> {
    let rest = bytes;
    this.#unsent = bytes.length;
    try {
      while (rest.length > 0) {
        rest = rest.subarray(await this.#conn.write(rest));
        this.#unsent = rest.length;
      }
    } catch (error) {
      this.#unsent = 0;
      throw this.#lose(error, "writing");
    }
  }

  #lose(error: unknown, doing: string): NetError {
    if (this.#closing !== null) return netError("ECLOSED", doing);
    this.#lost ??= toNetError(error, doing);
    return this.#lost;
  }

  /** A rejected promise when nothing works any more, otherwise null. */
  #refusal(): Promise<never> | null {
    if (this.#lost !== null) return Promise.reject(this.#lost);
    return this.#closing === null ? null : Promise.reject(netError("ECLOSED", "using a connection"));
  }
}

function addressOf(address: Deno.Addr): TcpAddress {
  return "hostname" in address ? endOf(address.hostname, address.port) : endOf(undefined, undefined);
}
