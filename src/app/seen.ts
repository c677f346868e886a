/** Keeps the `seen` file up to date while the balancer runs. */
import { type Sighting, writeSeen } from "../control/keys/seen-file.ts";
import type { TrustFiles } from "../control/keys/trust-files.ts";
import { type Cancel, type Clock, every } from "../util/clock.ts";

/** ms between two looks at who is connected. */
const LOOK_MS = 5_000;

export interface SeenOptions {
  readonly files: TrustFiles;
  readonly clock: Clock;
  readonly sightings: () => readonly Sighting[];
  readonly isReporter: (name: string) => boolean;
  /** Called when the file cannot be written, once until it can be. */
  readonly onWarning: (message: string, cause: unknown) => void;
}

export class SeenFile {
  readonly #options: SeenOptions;
  readonly #cancel: Cancel;
  #writing: Promise<void> | null = null;
  #failed = false;

  constructor(options: SeenOptions) {
    this.#options = options;
    this.#cancel = every(options.clock, LOOK_MS, () => this.#look());
  }

  /** Resolves when nothing is being written any more. */
  async close(): Promise<void> {
    this.#cancel();
    await this.#writing;
  }

  #look(): void {
    this.#writing ??= this.#write().finally(() => {
      this.#writing = null;
    });
  }

  async #write(): Promise<void> {
    const { files, sightings, isReporter, onWarning } = this.#options;
    try {
      await writeSeen(files, sightings(), isReporter, Date.now());
      this.#failed = false;
    } catch (error) {
      if (!this.#failed)
        onWarning(`${files.seen} cannot be written, so harmony-balancer reporters shows old times`, error);
      this.#failed = true;
    }
  }
}
