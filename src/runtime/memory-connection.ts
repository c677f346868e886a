import { type NetError, netError } from "./net-error.ts";
import type { Connection, TcpAddress } from "./runtime.ts";

/** One direction of a connection: a bounded queue of bytes with a FIN at its end. */
class Pipe {
  private readonly window: number;
  private readonly chunk: number;
  private readonly queue: Uint8Array[] = [];
  private size = 0;
  private finished = false;
  private broken: NetError | null = null;
  /** Everything that waits for a change: readers, watchers, the writer. Each looks again. */
  private waiting: (() => void)[] = [];

  constructor(window: number, chunk: number) {
    this.window = window;
    this.chunk = chunk;
  }

  /** Settles once all bytes are in the queue; they are copied. */
  async write(bytes: Uint8Array): Promise<void> {
    let rest = bytes;
    for (;;) {
      if (this.broken !== null) throw this.broken;
      const taken = rest.subarray(0, Math.min(this.window - this.size, this.chunk));
      if (taken.length > 0) {
        this.queue.push(taken.slice());
        this.size += taken.length;
        rest = rest.subarray(taken.length);
        this.wake();
      }
      if (rest.length === 0) return;
      if (this.size >= this.window) await this.change();
    }
  }

  finish(): void {
    this.finished = true;
    this.wake();
  }

  break(error: NetError): void {
    this.broken ??= error;
    this.queue.length = 0;
    this.size = 0;
    this.wake();
  }

  async readable(): Promise<void> {
    while (this.broken === null && this.queue.length === 0 && !this.finished) await this.change();
    if (this.broken !== null) throw this.broken;
  }

  async read(): Promise<Uint8Array | null> {
    await this.readable();
    const bytes = this.queue.shift();
    if (bytes === undefined) return null;
    this.size -= bytes.length;
    this.wake();
    return bytes;
  }

  private change(): Promise<void> {
    return new Promise((resolve) => {
      this.waiting.push(resolve);
    });
  }

  private wake(): void {
    const waiting = this.waiting;
    if (waiting.length === 0) return;
    this.waiting = [];
    for (const look of waiting) look();
  }
}

/** One end of an in-process connection. `onGone` runs once, when its owner has ended it. */
export class MemoryConnection implements Connection {
  readonly local: TcpAddress;
  readonly remote: TcpAddress;
  private readonly incoming: Pipe;
  private readonly outgoing: Pipe;
  private readonly onGone: () => void;
  private peer: MemoryConnection | null = null;
  private writing: Promise<void> = Promise.resolve();
  private finishing = false;
  private closing: Promise<void> | null = null;
  private gone = false;

  private constructor(local: TcpAddress, remote: TcpAddress, incoming: Pipe, outgoing: Pipe, onGone: () => void) {
    this.local = local;
    this.remote = remote;
    this.incoming = incoming;
    this.outgoing = outgoing;
    this.onGone = onGone;
  }

  /** Both ends of a new connection. `window`: bytes under way per direction; `chunk`: bytes per read at most. */
  static pair(
    from: TcpAddress,
    to: TcpAddress,
    window: number,
    chunk: number,
    onGone: () => void,
  ): [MemoryConnection, MemoryConnection] {
    const there = new Pipe(window, chunk);
    const back = new Pipe(window, chunk);
    const client = new MemoryConnection(from, to, back, there, onGone);
    const server = new MemoryConnection(to, from, there, back, onGone);
    client.peer = server;
    server.peer = client;
    return [client, server];
  }

  async readable(): Promise<void> {
    this.refuse();
    return this.incoming.readable();
  }

  async read(): Promise<Uint8Array | null> {
    this.refuse();
    return this.incoming.read();
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.refuse();
    if (this.finishing) throw netError("ECLOSED", "write() after closeWrite()");
    if (this.peer?.gone) this.loseBoth(); // what TCP does: the peer's kernel answers with a reset
    this.writing = this.outgoing.write(bytes);
    return this.writing;
  }

  async closeWrite(): Promise<void> {
    await this.finish();
  }

  close(): Promise<void> {
    this.closing ??= this.closeNow();
    return this.closing;
  }

  abort(): void {
    if (this.gone) return;
    this.outgoing.break(netError("ECLOSED", "writing"));
    this.end();
    this.peer?.lose();
  }

  private async closeNow(): Promise<void> {
    this.incoming.break(netError("ECLOSED", "using a connection"));
    await this.finish();
    this.end();
  }

  /** FIN after the write that is under way. */
  private async finish(): Promise<void> {
    this.finishing = true;
    try {
      await this.writing;
    } catch (error) {
      void error; // told to whoever wrote
      return;
    }
    this.outgoing.finish();
  }

  private end(): void {
    if (this.gone) return;
    this.gone = true;
    this.closing ??= Promise.resolve();
    this.finishing = true;
    this.incoming.break(netError("ECLOSED", "using a connection"));
    this.onGone();
  }

  private lose(): void {
    if (this.gone) return;
    this.incoming.break(netError("ECONNRESET", "reading"));
    this.outgoing.break(netError("ECONNRESET", "writing"));
  }

  private loseBoth(): void {
    this.lose();
    this.peer?.lose();
  }

  private refuse(): void {
    if (this.closing !== null || this.gone) throw netError("ECLOSED", "using a connection");
  }
}
