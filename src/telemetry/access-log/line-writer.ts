/**
 * Writes lines somewhere without ever waiting for it: they are kept until they are taken, up to a bound, and those beyond are lost and
 * counted. One write is under way at a time, and the next one takes what has come meanwhile, so that many lines are few writes.
 */
import { Buffer } from "node:buffer";
import { write } from "node:fs";
import { setImmediate } from "node:timers";
import type { Cancel, Clock } from "../../util/clock.ts";
import { codeOf, messageOf } from "../../util/errors.ts";
import type { Destination } from "./destination.ts";
import { type OnWarning, Trouble } from "./trouble.ts";

/** Bytes that are kept: a few seconds of the busiest balancer, so that a disk may stall for so long. */
const MOST_KEPT = 8 * 1024 * 1024;
/** ms between two tries where a reader does not read: often enough for one that is merely slow. */
const RETRY_MS = 50;
/** ms between two tries to open what cannot be opened, or to write to a disk that is full. */
const REPAIR_MS = 1_000;
/** ms that what is kept gets at the end. */
const CLOSE_MS = 1_000;

const NOTHING = Buffer.alloc(0);
const NEWLINE = 10;

export interface LineWriterParts {
  readonly clock: Clock;
  /** For warnings: `the access log /var/log/harmony.log`. */
  readonly name: string;
  /** Opens it, and opens it again. Throws the system's error. */
  readonly open: () => Destination;
  readonly onWarning: OnWarning;
  /** So many more lines are lost. */
  readonly onLost?: (count: number) => void;
  /** By default MOST_KEPT. */
  readonly most?: number;
}

export class LineWriter {
  readonly #parts: LineWriterParts;
  readonly #trouble: Trouble;
  readonly #most: number;
  #destination: Destination | null = null;
  #lines: string[] = [];
  /** What is being written, from its first byte that has not been. */
  #chunk: Buffer = NOTHING;
  /** Bytes of both. */
  #kept = 0;
  #isWriting = false;
  #reopenAsked = false;
  #retry: Cancel | null = null;
  #closing: Promise<void> | null = null;
  #isClosed = false;
  #whenEmpty: (() => void) | null = null;

  constructor(parts: LineWriterParts) {
    this.#parts = parts;
    this.#most = parts.most ?? MOST_KEPT;
    this.#trouble = new Trouble(parts.name, parts.clock, parts.onWarning);
  }

  /** Opens it for the first time. Throws the system's error; but a pipe without a reader may get one. */
  open(): void {
    try {
      this.#destination = this.#parts.open();
    } catch (error) {
      if (!isWithoutReader(error)) throw error;
      this.#cannotOpen(error);
    }
  }

  /** With its end. */
  write(line: string): void {
    if (this.#kept >= this.#most || this.#closing !== null) {
      this.#lose(1);
      return;
    }
    this.#lines.push(line);
    this.#kept += Buffer.byteLength(line);
    this.#begin();
  }

  /** What is at that path from now on gets the lines: for whoever has moved the file away. */
  reopen(): void {
    this.#reopenAsked = true;
    this.#begin();
  }

  /** Settles when all is written, or its time is over. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    if (this.#kept > 0) {
      await new Promise<void>((resolve) => {
        const cancel = this.#parts.clock.after(CLOSE_MS, resolve);
        this.#whenEmpty = () => {
          cancel();
          resolve();
        };
      });
    }
    this.#isClosed = true;
    this.#retry?.();
    const left = this.#lines.length + endsIn(this.#chunk);
    if (left > 0) this.#lose(left);
    this.#trouble.stop();
    if (!this.#isWriting) this.#destination?.close();
  }

  #lose(count: number): void {
    this.#parts.onLost?.(count);
    this.#trouble.lose(count);
  }

  /** In the next turn of the event loop, with all that comes in this one. */
  #begin(): void {
    if (this.#isWriting || this.#retry !== null || this.#isClosed) return;
    this.#isWriting = true;
    setImmediate(() => this.#next());
  }

  #next(): void {
    // Not in the middle of a line, unless that may never end.
    if (this.#reopenAsked && (this.#chunk.length === 0 || this.#trouble.isThere)) this.#reopen();
    if (this.#kept === 0 || this.#isClosed || !this.#isOpen()) {
      this.#rest();
      return;
    }
    if (this.#chunk.length === 0) this.#take();
    const { fd, most } = this.#destination!;
    write(fd, this.#chunk, 0, Math.min(most, this.#chunk.length), null, (error, written) => {
      if (error) this.#failed(error);
      else this.#wrote(written);
    });
  }

  /** Nothing is under way from here on. */
  #rest(): void {
    this.#isWriting = false;
    if (this.#kept === 0) this.#whenEmpty?.();
    if (this.#isClosed) this.#destination?.close(); // close() has left it to the write that was under way
  }

  /** As many lines as one write takes, or one that is longer. */
  #take(): void {
    const { most } = this.#destination!;
    let count = 0;
    for (let bytes = 0; count < this.#lines.length; count++) {
      bytes += Buffer.byteLength(this.#lines[count]!);
      if (bytes > most && count > 0) break;
    }
    this.#chunk = Buffer.from(this.#lines.splice(0, count).join(""));
  }

  #isOpen(): boolean {
    if (this.#destination !== null) return true;
    try {
      this.#destination = this.#parts.open();
      return true;
    } catch (error) {
      this.#cannotOpen(error);
      return false;
    }
  }

  #wrote(bytes: number): void {
    this.#chunk = this.#chunk.subarray(bytes);
    this.#kept -= bytes;
    if (this.#kept <= this.#most / 2) this.#trouble.end(); // before that it would begin again at once
    this.#next();
  }

  #failed(error: Error): void {
    this.#isWriting = false;
    if (this.#isClosed) {
      this.#rest();
      return;
    }
    const code = codeOf(error);
    if (code === "EAGAIN") {
      this.#later(RETRY_MS, "nobody reads it as fast as it comes", false);
    } else if (code === "EPIPE") {
      this.#destination?.close();
      this.#destination = null;
      this.#later(REPAIR_MS, "nobody reads it any more");
    } else {
      this.#later(REPAIR_MS, code === "ENOSPC" ? "the disk is full" : error.message);
    }
  }

  #cannotOpen(error: unknown): void {
    this.#later(REPAIR_MS, isWithoutReader(error) ? "nobody reads it" : messageOf(error));
  }

  /** `isNews`: the operator is to know, though nothing is lost yet. */
  #later(ms: number, why: string, isNews = true): void {
    this.#trouble.begin(why, isNews);
    this.#retry = this.#parts.clock.after(ms, () => {
      this.#retry = null;
      this.#begin();
    });
  }

  /** Goes on with what it has where the new one cannot be opened. */
  #reopen(): void {
    this.#reopenAsked = false;
    try {
      const next = this.#parts.open();
      this.#destination?.close();
      this.#destination = next;
    } catch (error) {
      const { name, onWarning } = this.#parts;
      onWarning(`${name} cannot be opened again, and goes on where it was: ${messageOf(error)}`, {});
    }
  }
}

/** Lines of which the end is in it. */
function endsIn(bytes: Buffer): number {
  return bytes.reduce((ends, byte) => (byte === NEWLINE ? ends + 1 : ends), 0);
}

function isWithoutReader(error: unknown): boolean {
  return codeOf(error) === "ENXIO";
}
