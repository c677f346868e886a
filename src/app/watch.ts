/** Sees that the document's files have changed, by looks at their signatures: it works on every file system, and for links. */

import { type Cancel, type Clock, every } from "../util/clock.ts";
import { signatureOrFailure } from "../util/file-signature.ts";

/** ms between looks. A change is acted on when it has stood for one: within two of them. */
const LOOK_MS = 500;

export interface DocumentWatchOptions {
  readonly clock: Clock;
  /** Those that the document consists of now, found anew at each look: an include may match another file. */
  readonly files: () => readonly string[];
  readonly onChange: () => void;
}

export class DocumentWatch {
  readonly #options: DocumentWatchOptions;
  #cancel: Cancel = () => undefined;
  /** Of what was read last. */
  #known: string;
  /** What was seen at the last look, if it was something else: it may still be being written. */
  #seen: string | null = null;

  /** To be made as soon as the document has been read: what changes from then on counts, also before start(). */
  constructor(options: DocumentWatchOptions) {
    this.#options = options;
    this.#known = this.#signature();
  }

  start(): void {
    this.#cancel = every(this.#options.clock, LOOK_MS, () => this.#look());
  }

  /** To be called before the document is read for another reason: what is there now is no change any more. */
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
