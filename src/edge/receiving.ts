/**
 * Fetches what a Reception wants to see of its client, as far as its end. The portable engine and the threads of tls/ receive clients by
 * it; they keep its time, by `expire()`.
 */
import type { Decided, Reception, Refused, Step } from "./reception.ts";

/** Where a client's bytes come from: a Connection of the net seam, or what is as good as one. */
export interface ByteSource {
  /** Settles when there is something to read, and consumes nothing. Rejects once the client is lost. */
  readable(): Promise<void>;
  /** The next bytes, or null at the FIN. The bytes are good until the next call. */
  read(): Promise<Uint8Array | null>;
}

export interface Received extends Decided {
  /** What was read and not consumed: the target's, before all that is read from now on. */
  readonly rest: Uint8Array;
}

/** null: the client was lost, or `abandon()` was called, and nobody is to be told anything. */
export type ReceptionEnd = Received | Refused | null;

/** Bytes that are held at first. A PROXY header is shorter, and so are most ClientHellos. */
const FIRST_ROOM = 1024;

export class Receiving {
  #reception: Reception;
  readonly #source: ByteSource;
  readonly #now: () => number;
  readonly #onEnd: (end: ReceptionEnd, fault?: unknown) => void;
  /** All that the client has sent, with what was consumed. Bounded, since a Reception asks for so much at most. */
  #bytes = new Uint8Array(0);
  #length = 0;
  #consumed = 0;
  /** Bytes in all before which there is no decision: until then the reception is not asked. */
  #atLeast = 0;
  /** `readable()` or `read()` is under way. */
  #isWaiting = false;
  #isReading = false;
  #isOver = false;

  /**
   * `onEnd` is called once, also from within `start()`. No read is under way then, but maybe a `readable()`. `fault`: an error of ours, for
   * which the client is to be dropped.
   */
  constructor(
    source: ByteSource,
    reception: Reception,
    now: () => number,
    onEnd: (end: ReceptionEnd, fault?: unknown) => void,
  ) {
    this.#source = source;
    this.#reception = reception;
    this.#now = now;
    this.#onEnd = onEnd;
  }

  start(): void {
    this.#advance();
  }

  /** Other rules hold from now on: it is asked anew by these, as if all that it has sent came now. */
  restart(reception: Reception): void {
    if (this.#isOver) return;
    this.#reception.abandon();
    this.#reception = reception;
    this.#consumed = 0;
    this.#atLeast = 0;
    if (!this.#isReading) this.#advance(); // otherwise the bytes that are about to come have it go on
  }

  /** Its time is over. */
  expire(): void {
    if (this.#isOver) return;
    this.#end(this.#reception.cutShort());
  }

  /** Nobody goes on with it: the caller closes its connection. */
  abandon(): void {
    this.#drop();
  }

  #advance(): void {
    for (;;) {
      let step: Step;
      try {
        step = this.#reception.step(this.#bytes.subarray(this.#consumed, this.#length), this.#now());
      } catch (error) {
        this.#drop(error); // strangers' bytes went in there: no fault of ours is to end more than their connection
        return;
      }
      if (step.type === "read") {
        this.#atLeast = this.#consumed + step.atLeast;
        break;
      }
      if (step.type !== "consume") {
        this.#end(step.type === "refused" ? step : { ...step, rest: this.#rest() });
        return;
      }
      this.#consumed += step.length;
    }
    if (!this.#isWaiting) void this.#fetch();
  }

  async #fetch(): Promise<void> {
    this.#isWaiting = true;
    let bytes: Uint8Array | null;
    try {
      await this.#source.readable();
      if (this.#isOver) return;
      this.#isReading = true;
      bytes = await this.#source.read();
    } catch {
      this.abandon(); // nobody is left to be told
      return;
    }
    this.#isReading = false;
    this.#isWaiting = false;
    if (this.#isOver) return;
    if (bytes === null) this.#end(this.#reception.cutShort());
    else {
      this.#keep(bytes);
      if (this.#length >= this.#atLeast) this.#advance();
      else void this.#fetch();
    }
  }

  #keep(bytes: Uint8Array): void {
    const length = this.#length + bytes.length;
    if (length > this.#bytes.length) {
      // Twice as much, that bytes which come one by one are not copied for each; and not for more than is asked for.
      const room = Math.min(2 * this.#bytes.length, this.#atLeast);
      const roomier = new Uint8Array(Math.max(FIRST_ROOM, room, length));
      roomier.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = roomier;
    }
    this.#bytes.set(bytes, this.#length);
    this.#length = length;
  }

  #rest(): Uint8Array {
    return this.#bytes.subarray(this.#consumed, this.#length);
  }

  #drop(fault?: unknown): void {
    if (this.#isOver) return;
    this.#reception.abandon();
    this.#end(null, fault);
  }

  #end(end: ReceptionEnd, fault?: unknown): void {
    this.#isOver = true;
    this.#onEnd(end, fault);
  }
}
