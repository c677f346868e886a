/**
 * The log's way out. Who reads it may stop reading, and a write to a pipe or a terminal would wait for him then, and this thread with all
 * that it does. So what is not taken at once is kept up to a bound, and what is lost is counted and said.
 */
import { Buffer } from "node:buffer";
import { writeSync } from "node:fs";
import { type Destination, openStandardError, STDERR_FD } from "../telemetry/access-log/destination.ts";
import { codeOf } from "../util/errors.ts";
import { write } from "./output.ts";

/** Characters that are kept: hours of an ordinary log, and the ends of thousands of connections at once where each is told. */
const MOST_KEPT = 4 * 1024 * 1024;
/** ms between two tries: at first, as for a reader that is merely slow, who would lose lines of a burst (a pipe takes 64 KB at a time) … */
const FIRST_RETRY_MS = 5;
/** … and where nobody reads. */
const MOST_RETRY_MS = 100;

class StandardError {
  readonly #destination: Destination;
  #lines: string[] = [];
  #kept = 0;
  #lost = 0;
  #retryMs = FIRST_RETRY_MS;

  constructor(destination: Destination) {
    this.#destination = destination;
  }

  write(text: string): void {
    if (this.#lines.length === 0 && this.#put(text)) return;
    if (this.#kept + text.length > MOST_KEPT) {
      this.#lost++;
      return;
    }
    this.#lines.push(text);
    this.#kept += text.length;
    if (this.#lines.length === 1) this.#later();
  }

  /** A line at once, or one that is longer than a pipe takes whole in pieces. False: nothing of what is left was taken. */
  #put(text: string): boolean {
    let bytes = Buffer.from(text);
    while (bytes.length > 0) {
      try {
        bytes = bytes.subarray(
          writeSync(this.#destination.fd, bytes, 0, Math.min(this.#destination.most, bytes.length)),
        );
      } catch (error) {
        if (codeOf(error) !== "EAGAIN") return true; // a reader that is gone, a full disk: it cannot be reported anywhere
        if (bytes.length === Buffer.byteLength(text)) return false;
        this.#lines.unshift(bytes.toString()); // goes on in the middle of a line, as soon as it can
        this.#kept += bytes.length;
        this.#later();
        return true;
      }
    }
    return true;
  }

  /** A program that has nothing else to do does not stay for that. */
  #later(): void {
    setTimeout(() => this.#flush(), this.#retryMs).unref();
  }

  #flush(): void {
    const before = this.#kept;
    this.#retryMs = Math.min(2 * this.#retryMs, MOST_RETRY_MS);
    const lines = this.#lines;
    this.#lines = [];
    this.#kept = 0;
    for (const line of lines) this.write(line);
    if (this.#kept < before) this.#retryMs = FIRST_RETRY_MS;
    if (this.#lines.length > 0 || this.#lost === 0) return;
    const lost = this.#lost;
    this.#lost = 0;
    this.write(`${lost} messages of the log were lost here: nobody has read it\n`);
  }
}

let opened: StandardError | null | undefined;

/** The runtime's own stream where standard error is a file, or cannot be opened anew: see destination.ts. */
export function writeStandardError(text: string): void {
  if (opened === undefined) opened = open();
  if (opened === null) write(process.stderr, text);
  else opened.write(text);
}

function open(): StandardError | null {
  try {
    const destination = openStandardError();
    return destination.fd === STDERR_FD ? null : new StandardError(destination);
  } catch {
    return null; // it is closed
  }
}
