import { endOf } from "./adapter.ts";
import { type NetError, netError } from "./net-error.ts";
import type { Connection, TcpAddress } from "./runtime.ts";

/**
 * Reading is switched off when this many bytes wait to be read. Not at the first one: switching costs system calls, and the
 * first bytes of most clients come while their target is still being connected.
 */
export const READ_BUFFER_LIMIT = 64 * 1024;

/** Receives a connection's events in place of `read()`, so that a relay gets bytes without a promise per chunk. */
export interface Sink {
  onData(from: PushConnection, bytes: Uint8Array): void;
  /** The peer's FIN. */
  onEnd(from: PushConnection): void;
  /** After `send()` answered false: more may be given. */
  onDrain(from: PushConnection): void;
  /** The socket is gone; always the last call. No error: both FINs had passed. */
  onClose(from: PushConnection, error: NetError | null): void;
}

/** What the sockets of these runtimes know of their two ends. */
interface Ends {
  readonly localAddress?: string | undefined;
  readonly localPort?: number | undefined;
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
}

interface Waiter<T> {
  resolve(value: T): void;
  reject(error: NetError): void;
}

/**
 * What runtimes that *push* bytes (Node, Bun) share: turns their events into `read()` and `readable()`, or hands them to
 * a Sink. An adapter implements what is abstract and calls the `got…` methods; `gotClose` exactly once, at the end.
 */
export abstract class PushConnection implements Connection {
  protected abstract readonly socket: Ends;
  #localAddress: TcpAddress | null = null;
  #remoteAddress: TcpAddress | null = null;
  #readBuffer: Uint8Array[] = [];
  /** Bytes that wait to be read. */
  protected buffered = 0;
  #reader: Waiter<Uint8Array | null> | null = null;
  #watchers: Waiter<void>[] | null = null;
  #sink: Sink | null = null;
  #lost: NetError | null = null;
  #whenGone: Promise<void> | null = null;
  #announceGone: (() => void) | null = null;
  /** The peer's FIN has been seen. */
  protected ended = false;
  /** closeWrite() or close() was called: nothing more may be written. */
  protected finished = false;
  /** close() or abort() was called: the owner has let go. */
  protected released = false;
  /** The socket no longer exists. */
  protected gone = false;

  get local(): TcpAddress {
    this.#localAddress ??= endOf(this.socket.localAddress, this.socket.localPort);
    return this.#localAddress;
  }

  get remote(): TcpAddress {
    this.#remoteAddress ??= endOf(this.socket.remoteAddress, this.socket.remotePort);
    return this.#remoteAddress;
  }

  abstract readonly unsent: number;
  abstract pauseReading(): void;
  abstract resumeReading(): void;
  /** Hands bytes to the runtime, which keeps them until they are sent. False: wait for the sink's `onDrain`. */
  abstract send(bytes: Uint8Array): boolean;
  /** Sends `bytes` and settles as `write()` does. Only called while open. */
  protected abstract sendAndWait(bytes: Uint8Array): Promise<void>;
  /** FIN after everything sent so far. When the peer's FIN is here already, this ends the connection and leads to `gotClose`. */
  protected abstract sendFin(): void;
  /** Flush, FIN, release. Leads to `gotClose`. */
  protected abstract release(): void;
  /** Release at once. Leads to `gotClose`. */
  protected abstract drop(): void;

  readable(): Promise<void> {
    const refusal = this.refusal();
    if (refusal !== null) return Promise.reject(refusal);
    if (this.#readBuffer.length > 0 || this.ended) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#watchers ??= [];
      this.#watchers.push({ resolve, reject });
      this.resumeReading();
    });
  }

  get atEnd(): boolean {
    return this.ended && this.#readBuffer.length === 0;
  }

  read(): Promise<Uint8Array | null> {
    const refusal = this.refusal();
    if (refusal !== null) return Promise.reject(refusal);
    const chunk = this.#readBuffer.shift();
    if (chunk !== undefined) {
      this.buffered -= chunk.length;
      return Promise.resolve(chunk);
    }
    if (this.ended) return Promise.resolve(null);
    if (this.#reader !== null) return Promise.reject(netError("EINVAL", "a second read() while one is under way"));
    return new Promise((resolve, reject) => {
      this.#reader = { resolve, reject };
      this.resumeReading();
    });
  }

  unread(bytes: Uint8Array): void {
    if (this.released || bytes.length === 0) return;
    this.#readBuffer.unshift(bytes);
    this.buffered += bytes.length;
  }

  write(bytes: Uint8Array): Promise<void> {
    const refusal = this.refusal() ?? (this.finished ? netError("ECLOSED", "write() after closeWrite()") : null);
    if (refusal !== null) return Promise.reject(refusal);
    return bytes.length === 0 ? Promise.resolve() : this.sendAndWait(bytes);
  }

  closeWrite(): Promise<void> {
    this.finish();
    return Promise.resolve();
  }

  close(): Promise<void> {
    if (this.gone) {
      this.released = true;
      return Promise.resolve();
    }
    if (!this.released) {
      this.released = true;
      this.finished = true;
      this.#rejectReaders(this.refusal()!);
      this.release();
    }
    return this.closed();
  }

  abort(): void {
    const first = !this.released;
    this.released = true;
    this.finished = true;
    this.#readBuffer = [];
    this.buffered = 0;
    if (this.gone) return;
    if (first) this.#rejectReaders(this.refusal()!);
    this.drop();
  }

  /** Gives everything that comes from now on to `sink`, beginning with what is held. */
  attach(sink: Sink): void {
    this.#sink = sink;
    const buffered = this.#readBuffer;
    this.#readBuffer = [];
    this.buffered = 0;
    for (const chunk of buffered) sink.onData(this, chunk);
    if (this.ended) sink.onEnd(this);
    if (this.gone) sink.onClose(this, this.refusal());
  }

  /** What has been read and nobody has asked for, which is the caller's then. */
  protected takeRead(): Uint8Array[] {
    const bytes = this.#readBuffer;
    this.#readBuffer = [];
    this.buffered = 0;
    return bytes;
  }

  /** closeWrite() without a promise. */
  finish(): void {
    if (this.finished || this.gone) return;
    this.finished = true;
    this.sendFin();
  }

  protected gotData(bytes: Uint8Array): void {
    if (this.released) return;
    if (this.#watchers !== null) this.#settleWatchers();
    if (this.#sink !== null) {
      this.#sink.onData(this, bytes);
      return;
    }
    const reader = this.#reader;
    if (reader === null) {
      this.#readBuffer.push(bytes);
      this.buffered += bytes.length;
      if (this.buffered >= READ_BUFFER_LIMIT) this.pauseReading();
    } else {
      this.#reader = null;
      reader.resolve(bytes);
    }
  }

  protected gotEnd(): void {
    if (this.ended) return;
    this.ended = true;
    if (this.released) return;
    if (this.#watchers !== null) this.#settleWatchers();
    if (this.#sink !== null) {
      this.#sink.onEnd(this);
      return;
    }
    this.#reader?.resolve(null);
    this.#reader = null;
  }

  protected gotDrain(): void {
    this.#sink?.onDrain(this);
  }

  protected gotClose(error: NetError | null): void {
    if (this.gone) return;
    this.gone = true;
    const whole = error === null && this.ended && this.finished;
    if (!whole && !this.released) this.#lost = error ?? netError("ECONNRESET", "reading");
    const reason = this.refusal();
    if (reason !== null) this.#rejectReaders(reason);
    this.#sink?.onClose(this, reason);
    this.#announceGone?.();
  }

  /** Settles once the socket is gone. */
  protected closed(): Promise<void> {
    if (this.gone) return Promise.resolve();
    this.#whenGone ??= new Promise((resolve) => {
      this.#announceGone = resolve;
    });
    return this.#whenGone;
  }

  /** Why nothing can be read or written any more, or null. */
  protected refusal(): NetError | null {
    if (this.#lost !== null) return this.#lost;
    return this.released ? netError("ECLOSED", "using a connection") : null;
  }

  #settleWatchers(): void {
    const watchers = this.#watchers;
    this.#watchers = null;
    for (const watcher of watchers ?? []) watcher.resolve();
  }

  #rejectReaders(error: NetError): void {
    const watchers = this.#watchers;
    this.#watchers = null;
    for (const watcher of watchers ?? []) watcher.reject(error);
    this.#reader?.reject(error);
    this.#reader = null;
  }
}
