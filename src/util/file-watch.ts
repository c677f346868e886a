/** Sees that files have changed, by looks at their signatures: it works on every file system, and for links. */

import { type Cancel, type Clock, every } from "./clock.ts";
import { signatureOrFailure } from "./file-signature.ts";

/** ms between looks. A change is acted on when it has stood for one: within two of them. */
const LOOK_MS = 500;

export interface FileWatchOptions {
  readonly clock: Clock;
  /** Those that are watched now, asked for anew at each look: they may be others. */
  readonly files: () => readonly string[];
  readonly onChange: () => void;
}

export class FileWatch {
  readonly #options: FileWatchOptions;
  #cancel: Cancel = () => undefined;
  /** Of what was read last. */
  #known: string;
  /** What was seen at the last look, if it was something else: it may still be being written. */
  #seen: string | null = null;

  /** To be made as soon as the files have been read: what changes from then on counts, also before start(). */
  constructor(options: FileWatchOptions) {
    this.#options = options;
    this.#known = this.#signature();
  }

  start(): void {
    this.#cancel = every(this.#options.clock, LOOK_MS, () => this.#look());
  }

  /** To be called before the files are read for another reason: what is there now is no change any more. */
  reading(): void {
    this.#known = this.#signature();
    this.#seen = null;
  }

  close(): void {
    this.#cancel();
  }

  #look(): void {
    const now = this.#signature();
    const stands = now === this.#seen;
    this.#seen = now === this.#known ? null : now;
    if (now !== this.#known && stands) this.#options.onChange();
  }

  #signature(): string {
    return this.#options
      .files()
      .map((file) => `${file} ${signatureOrFailure(file)}`)
      .join("\n");
  }
}
