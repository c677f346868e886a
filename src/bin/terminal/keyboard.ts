/** Keys as they are pressed, one at a time, without Enter. Ownership: who opens it closes it; the terminal is then as it was. */

export type Key = string;

/** What terminals send for keys that are no letters. */
const NAMED: Readonly<Record<string, Key>> = {
  "\x1b[A": "up",
  "\x1b[B": "down",
  "\x1b[C": "right",
  "\x1b[D": "left",
  "\x1bOA": "up",
  "\x1bOB": "down",
  "\x1bOC": "right",
  "\x1bOD": "left",
  "\x1b[5~": "page up",
  "\x1b[6~": "page down",
  "\x1b[H": "home",
  "\x1b[F": "end",
  "\x1b[1~": "home",
  "\x1b[4~": "end",
  "\x1b[Z": "back tab",
  "\t": "tab",
  "\r": "enter",
  "\n": "enter",
  "\x1b": "escape",
  "\x03": "ctrl-c",
  "\x04": "ctrl-d",
  "\f": "ctrl-l",
};

const ESCAPE = "\x1b";
const KEY = new RegExp(`${ESCAPE}(?:\\[[0-?]*[ -/]*[@-~]|O[ -~])?|[^${ESCAPE}]`, "gsu");

/** The keys of what came at once. A sequence that is not known is one key that means nothing, and no letters. */
export function keysOf(text: string): Key[] {
  const found = text.match(KEY) ?? [];
  return found.map((each) => NAMED[each] ?? (each.startsWith(ESCAPE) ? "unknown" : each));
}

export class Keyboard {
  readonly #input: NodeJS.ReadStream;
  readonly #heard: (bytes: Buffer | string) => void;

  /** `input` is a terminal. */
  constructor(input: NodeJS.ReadStream, onKey: (key: Key) => void) {
    this.#input = input;
    this.#heard = (bytes) => {
      for (const key of keysOf(bytes.toString())) onKey(key);
    };
    input.setRawMode(true);
    input.on("data", this.#heard);
    input.resume();
  }

  /** Idempotent. */
  close(): void {
    this.#input.off("data", this.#heard);
    if (this.#input.isTTY) this.#input.setRawMode(false);
    this.#input.pause();
  }
}
