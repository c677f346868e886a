/** Every list of addresses that some listener goes by, once, however many do: read, and read again when its files change. */
import { type AddressEntry, addressList } from "../config/access-kinds.ts";
import { readAddresses } from "../config/address-lists.ts";
import type { AddressSetData } from "../edge/access/address-set.ts";
import type { Clock } from "../util/clock.ts";
import { HarmonyError } from "../util/errors.ts";
import { WatchedList } from "./watched-list.ts";

export interface FollowedListsOptions {
  readonly clock: Clock;
  /** What read() gives for one of them is another set now. */
  readonly onChange: () => void;
  /** A file has changed and cannot be used: what was read before stays in force. */
  readonly onWarning: (message: string) => void;
}

interface Followed {
  set: AddressSetData;
  readonly watch: WatchedList;
}

export class FollowedLists {
  readonly #options: FollowedListsOptions;
  /** By their entries as text. */
  readonly #followed = new Map<string, Followed>();

  constructor(options: FollowedListsOptions) {
    this.#options = options;
  }

  /**
   * What is in a list now: the same set for as long as it has the same entries; null: it is empty. Throws `BAD_LIST` where a file of it cannot be
   * used. `option`: what messages call it.
   */
  read(option: string, entries: readonly AddressEntry[]): AddressSetData | null {
    if (entries.length === 0) return null;
    const key = addressList.format(entries);
    const known = this.#followed.get(key);
    if (known !== undefined) return known.set;
    const { clock, onChange, onWarning } = this.#options;
    const watch = new WatchedList({
      option,
      entries,
      clock,
      onChange: (set) => {
        followed.set = set;
        onChange();
      },
      onProblem: (problem) => onWarning(`${problem}; what was read before stays in force`),
    });
    const problems: string[] = [];
    const set = readAddresses(entries, option, problems);
    if (set === null) throw new HarmonyError("BAD_LIST", problems.join("; "), { fault: "config", retry: true });
    const followed: Followed = { set, watch };
    this.#followed.set(key, followed);
    watch.start();
    return set;
  }

  /** Others are not followed any more. */
  retain(lists: Iterable<readonly AddressEntry[]>): void {
    const staying = new Set([...lists].map((entries) => addressList.format(entries)));
    for (const [key, { watch }] of this.#followed) {
      if (staying.has(key)) continue;
      watch.close();
      this.#followed.delete(key);
    }
  }

  close(): void {
    this.retain([]);
  }
}
