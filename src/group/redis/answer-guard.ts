/**
 * Looks at the bytes that a server sends before the client library does, which would keep whatever comes, and ends the process over some of it:
 * an answer to nothing, a nothing where a name has to be. The format is RESP2. A text that is too long is left out, and nothing is in its place: whoever
 * has written it cuts nobody off from all else.
 */

export interface AnswerLimits {
  /** Of one text. */
  readonly text: number;
  /** Of one answer. */
  readonly bytes: number;
  /** Texts and numbers in one answer. */
  readonly items: number;
}

/** Answers within answers: what a transaction gives has lists in a list. */
const MAX_DEPTH = 4;
const MAX_LINE = 4096;
/** Digits of a number, and its sign. */
const MAX_NUMBER = 20;
const [CR, LF] = [13, 10];
const [STATUS, ERROR, NUMBER, TEXT, LIST] = [..."+-:$*"].map((each) => each.charCodeAt(0)) as [
  number,
  number,
  number,
  number,
  number,
];
/** With which a server of TLS answers what is none. */
const TLS_ALERT = 0x15;
/** What stands for nothing instead of a text or a list has this length. */
const NOTHING = -1;
const NOTHING_BYTES: Uint8Array = Buffer.from(`$${NOTHING}\r\n`);
const NONE = new Uint8Array();

export class AnswerGuard {
  readonly #limits: AnswerLimits;
  /** Answers that are still to come. */
  #expected = 0;
  /** From now on messages come as well, unasked. */
  #listens = false;
  #problem: string | null = null;
  /** Lists that are open: how many items each still lacks. */
  #open: number[] = [];
  #bytes = 0;
  #items = 0;
  /** Bytes that are left of a text, its line's end included. */
  #textLeft = 0;
  #type = 0;
  #line = "";
  #lineLength = 0;
  #sawCr = false;
  /** Bytes that are left of a text that is left out. */
  #skipLeft = 0;
  #chunk: Uint8Array = NONE;
  #at = 0;
  /** What lies before that in the chunk has been passed on, or left out. */
  #from = 0;
  /** Where in the chunk the length of a text begins, which is passed on once it is known; null: none does. */
  #headAt: number | null = null;
  /** Of that length, what was in the chunks before. */
  #held: Uint8Array = NONE;
  #passed: Uint8Array[] = [];
  #hasHeard = false;

  constructor(limits: AnswerLimits) {
    this.#limits = limits;
  }

  /** So many commands are being sent. */
  expect(answers: number): void {
    this.#expected += answers;
  }

  /** A subscription is being asked for. */
  listen(): void {
    this.#listens = true;
  }

  /** What is wrong with what has come, null while nothing is. Once something is, it stays so. */
  accept(chunk: Uint8Array): string | null {
    this.#hasHeard ||= chunk.length > 0;
    this.#chunk = chunk;
    this.#from = 0;
    this.#headAt = this.#held.length > 0 ? 0 : null;
    this.#passed = [];
    for (let at = 0; at < chunk.length && this.#problem === null; ) at = this.#step(chunk, at);
    this.#pass(this.#headAt ?? chunk.length);
    if (this.#headAt !== null) this.#held = Buffer.concat([this.#held, chunk.subarray(this.#headAt)]);
    return this.#problem;
  }

  /** Anything has come. */
  get hasHeard(): boolean {
    return this.#hasHeard;
  }

  /** What goes on to the library of what has come, as of the last accept(). */
  get passed(): readonly Uint8Array[] {
    return this.#passed;
  }

  #pass(end: number): void {
    if (end > this.#from) this.#passed.push(this.#chunk.subarray(this.#from, end));
    this.#from = Math.max(this.#from, end);
  }

  /** Where to go on. */
  #step(chunk: Uint8Array, at: number): number {
    this.#at = at;
    if (this.#skipLeft > 0) {
      const taken = Math.min(this.#skipLeft, chunk.length - at);
      this.#skipLeft -= taken;
      this.#from = at + taken;
      if (this.#skipLeft === 0) this.#ended();
      return at + taken;
    }
    if (this.#textLeft > 0) {
      const taken = Math.min(this.#textLeft, chunk.length - at);
      this.#count(taken);
      this.#textLeft -= taken;
      if (this.#textLeft === 0) this.#ended();
      return at + taken;
    }
    this.#count(1);
    this.#byte(chunk[at]!);
    return at + 1;
  }

  #count(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes > this.#limits.bytes) this.#fail(`an answer has more than ${this.#limits.bytes} bytes`);
  }

  #byte(byte: number): void {
    if (this.#type === 0) this.#begin(byte);
    else if (this.#sawCr) {
      if (byte !== LF) {
        this.#fail("a line does not end as it has to");
        return;
      }
      this.#lineEnded();
    } else if (byte === CR) this.#sawCr = true;
    else {
      this.#lineLength++;
      const isText = this.#type === STATUS || this.#type === ERROR;
      if (this.#lineLength > (isText ? MAX_LINE : MAX_NUMBER)) {
        this.#fail("a line is too long");
        return;
      }
      if (!isText) this.#line += String.fromCharCode(byte);
    }
  }

  #begin(byte: number): void {
    if (byte === TLS_ALERT) {
      this.#fail("it speaks TLS at that port (rediss instead of redis in group)");
      return;
    }
    if (![STATUS, ERROR, NUMBER, TEXT, LIST].includes(byte)) {
      this.#fail("it does not speak the protocol of Redis");
      return;
    }
    if (this.#open.length === 0 && this.#expected === 0 && !this.#listens) {
      this.#fail("it says something that nobody has asked for");
      return;
    }
    this.#items++;
    if (this.#items > this.#limits.items) this.#fail(`an answer has more than ${this.#limits.items} parts`);
    this.#type = byte;
    if (byte === TEXT) this.#headAt = this.#at;
    this.#line = "";
    this.#lineLength = 0;
    this.#sawCr = false;
  }

  #lineEnded(): void {
    const type = this.#type;
    this.#type = 0;
    if (type === STATUS || type === ERROR) {
      this.#ended();
      return;
    }
    if (!/^-?\d+$/.test(this.#line)) {
      this.#fail("a number is none");
      return;
    }
    if (type === NUMBER) {
      this.#ended();
      return;
    }
    const size = Number(this.#line);
    if (size < NOTHING) {
      this.#fail("a length is negative");
      return;
    }
    if (size === NOTHING && this.#listens) {
      this.#fail("a message lacks a part");
      return;
    }
    if (type === TEXT) this.#textBegins(size);
    else this.#listBegins(size);
  }

  #textBegins(size: number): void {
    const isLong = size > this.#limits.text;
    if (isLong && this.#listens) {
      this.#fail(`a text has more than ${this.#limits.text} bytes`);
      return;
    }
    this.#headEnds(isLong);
    if (isLong) {
      this.#skipLeft = size + 2;
      return;
    }
    if (size === NOTHING) {
      this.#ended();
      return;
    }
    this.#textLeft = size + 2;
  }

  /** The length of a text is known: it is passed on, or nothing in its place. */
  #headEnds(isLeftOut: boolean): void {
    if (isLeftOut) {
      this.#pass(this.#headAt ?? 0);
      this.#passed.push(NOTHING_BYTES);
      this.#from = this.#at + 1;
    } else if (this.#held.length > 0) this.#passed.push(this.#held);
    this.#held = NONE;
    this.#headAt = null;
  }

  #listBegins(size: number): void {
    if (this.#listens && (this.#open.length > 0 || size < 2 || size > 3)) {
      this.#fail("what should be a message is none");
      return;
    }
    if (size <= 0) {
      this.#ended();
      return;
    }
    if (size > this.#limits.items) {
      this.#fail(`an answer has more than ${this.#limits.items} parts`);
      return;
    }
    if (this.#open.length === MAX_DEPTH) {
      this.#fail("lists are nested too deep");
      return;
    }
    this.#open.push(size);
  }

  /** An item is complete, and with it each list whose last one it is. */
  #ended(): void {
    while (this.#open.length > 0) {
      const left = this.#open.pop()! - 1;
      if (left > 0) {
        this.#open.push(left);
        return;
      }
    }
    this.#bytes = 0;
    this.#items = 0;
    this.#expected = Math.max(0, this.#expected - 1);
  }

  #fail(problem: string): void {
    this.#problem ??= problem;
  }
}
