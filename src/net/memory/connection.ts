import { type NetCode, type NetError, netError } from "../net-error.ts";
import type { Connection, TcpAddress } from "../runtime.ts";

/** One direction of a connection: a bounded queue of bytes with a FIN at its end. */
class Pipe {
  readonly #window: number;
  readonly #chunk: number;
  readonly #queue: Uint8Array[] = [];
  #size = 0;
  /** Bytes of the write under way that are not in the queue yet. */
  #rest = 0;
  #finished = false;
  #readError: NetError | null = null;
  #writeError: NetError | null = null;
  /** Everything that waits for a change: readers, watchers, the writer. Each looks again. */
  #waiting: (() => void)[] = [];

  constructor(window: number, chunk: number) {
    this.#window = window;
    this.#chunk = chunk;
  }

  /** Settles once all bytes are in the queue; they are copied. */
  async write(bytes: Uint8Array): Promise<void> {
    let rest = bytes;
    for (;;) {
      this.#rest = rest.length;
      if (this.#writeError !== null) throw this.#writeError;
      const free = this.#window - this.#size;
      // Filling every gap at once would cut the bytes into ever smaller pieces (TCP's silly window).
      if (free >= Math.min(rest.length, this.#window / 2)) {
        const taken = rest.slice(0, Math.min(free, this.#chunk));
        this.#queue.push(taken);
        this.#size += taken.length;
        rest = rest.subarray(taken.length);
        this.#wake();
        if (rest.length === 0) {
          this.#rest = 0;
          return;
        }
      } else {
        await this.#change();
      }
    }
  }

  /** Bytes that nobody has read, while somebody may. */
  get unread(): number {
    return this.#writeError === null ? this.#size + this.#rest : 0;
  }

  get atEnd(): boolean {
    return this.#finished && this.#queue.length === 0;
  }

  finish(): void {
    this.#finished = true;
    this.#wake();
  }

  /** What is queued can still be read. */
  failWrites(code: NetCode): void {
    this.#writeError ??= netError(code, "writing");
    this.#wake();
  }

  failReads(code: NetCode): void {
    this.#readError ??= netError(code, "reading");
    this.#queue.length = 0;
    this.#size = 0;
    this.#wake();
  }

  async readable(): Promise<void> {
    while (this.#readError === null && this.#queue.length === 0 && !this.#finished) await this.#change();
    if (this.#readError !== null) throw this.#readError;
  }

  async read(): Promise<Uint8Array | null> {
    await this.readable();
    const bytes = this.#queue.shift();
    if (bytes === undefined) return null;
    this.#size -= bytes.length;
    this.#wake();
    return bytes;
  }

  giveBack(bytes: Uint8Array): void {
    if (this.#readError !== null || bytes.length === 0) return;
    this.#queue.unshift(bytes);
    this.#size += bytes.length;
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  #wake(): void {
    const waiting = this.#waiting;
    if (waiting.length === 0) return;
    this.#waiting = [];
    for (const look of waiting) look();
  }
}

/** One end of an in-process connection. `onGone` runs once, when its owner has ended it. */
export class MemoryConnection implements Connection {
  readonly local: TcpAddress;
  readonly remote: TcpAddress;
  readonly #incoming: Pipe;
  readonly #outgoing: Pipe;
  readonly #onGone: () => void;
  #peer: MemoryConnection | null = null;
  #writing: Promise<void> = Promise.resolve();
  #finishing = false;
  #closing: Promise<void> | null = null;
  #gone = false;

  private constructor(local: TcpAddress, remote: TcpAddress, incoming: Pipe, outgoing: Pipe, onGone: () => void) {
    this.local = local;
    this.remote = remote;
    this.#incoming = incoming;
    this.#outgoing = outgoing;
    this.#onGone = onGone;
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
    client.#peer = server;
    server.#peer = client;
    return [client, server];
  }

  get unsent(): number {
    return this.#outgoing.unread;
  }

  get atEnd(): boolean {
    return this.#incoming.atEnd;
  }

  async readable(): Promise<void> {
    this.#refuse();
    return this.#incoming.readable();
  }

  async read(): Promise<Uint8Array | null> {
    this.#refuse();
    return this.#incoming.read();
  }

  unread(bytes: Uint8Array): void {
    this.#incoming.giveBack(bytes);
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#refuse();
    if (this.#finishing) throw netError("ECLOSED", "write() after closeWrite()");
    this.#writing = this.#outgoing.write(bytes);
    return this.#writing;
  }

  async closeWrite(): Promise<void> {
    await this.#finish();
  }

  close(): Promise<void> {
    this.#closing ??= this.#closeNow();
    return this.#closing;
  }

  abort(): void {
    if (this.#gone) return;
    this.#outgoing.failWrites("ECLOSED");
    this.#end();
    if (this.#peer !== null) this.#peer.#lose();
  }

  async #closeNow(): Promise<void> {
    this.#incoming.failReads("ECLOSED");
    await this.#finish();
    this.#end();
  }

  /** FIN after the write that is under way. */
  async #finish(): Promise<void> {
    this.#finishing = true;
    await this.#writing.catch(() => undefined); // its writer is told
    this.#outgoing.finish();
  }

  #end(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#closing ??= Promise.resolve();
    this.#finishing = true;
    this.#incoming.failReads("ECLOSED");
    this.#incoming.failWrites("ECONNRESET"); // as a kernel answers bytes for a closed socket
    this.#onGone();
  }

  #lose(): void {
    if (this.#gone) return;
    this.#incoming.failReads("ECONNRESET");
    this.#outgoing.failWrites("ECONNRESET");
  }

  #refuse(): void {
    if (this.#closing !== null || this.#gone) throw netError("ECLOSED", "using a connection");
  }
}
