/** A list of addresses that comes from files: these are looked at while it is followed, and read again when they change. */
import type { AddressEntry } from "../config/access-kinds.ts";
import { filesOf, readAddressesInSlices } from "../config/address-lists.ts";
import type { AddressSetData } from "../edge/access/address-set.ts";
import type { Clock } from "../util/clock.ts";
import { messageOf } from "../util/errors.ts";
import { FileWatch } from "../util/file-watch.ts";

export interface WatchedListOptions {
  /** The option that has it, as problems call it. */
  readonly option: string;
  readonly entries: readonly AddressEntry[];
  readonly clock: Clock;
  /** It has changed, and is this now. */
  readonly onChange: (set: AddressSetData) => void;
  /** A file has changed and cannot be used: what was read before stays in force. Told once for each change. */
  readonly onProblem: (problem: string) => void;
}

export class WatchedList {
  readonly #options: WatchedListOptions;
  /** null: it names no files. */
  readonly #watch: FileWatch | null;
  #readings = 0;
  #isClosed = false;

  /** To be made before the list is read for the first time: what changes from then on counts. */
  constructor(options: WatchedListOptions) {
    const { clock, entries } = options;
    const files = () => filesOf(entries);
    this.#options = options;
    this.#watch = files().length === 0 ? null : new FileWatch({ clock, files, onChange: () => this.#changed() });
  }

  start(): void {
    this.#watch?.start();
  }

  close(): void {
    this.#isClosed = true;
    this.#watch?.close();
  }

  #changed(): void {
    const { onProblem, option } = this.#options;
    this.#watch?.reading();
    this.#read(++this.#readings).catch((error) => onProblem(`${option}: ${messageOf(error)}`));
  }

  async #read(reading: number): Promise<void> {
    const { entries, onChange, onProblem, option } = this.#options;
    const problems: string[] = [];
    const set = await readAddressesInSlices(entries, option, problems);
    if (reading !== this.#readings || this.#isClosed) return; // it has changed again meanwhile
    for (const problem of problems) onProblem(problem);
    if (set !== null) onChange(set);
  }
}
