/** What the balancer changes in the lines of invited reporters while it runs: their keys, when they exchange them. */
import { type Clock, systemClock } from "../../util/clock.ts";
import { editFile } from "../../util/edited-file.ts";
import { HarmonyError } from "../../util/errors.ts";
import type { OwnKey } from "./key.ts";
import type { Keys } from "./keys.ts";
import { isSameKey } from "./public-key.ts";
import { changeKeys, parseReporters } from "./reporters-file.ts";
import type { TrustFiles } from "./trust-files.ts";

/** Exchanges of one reporter in so many ms. Each writes the file to the disk, makes everybody read it anew, and is told in the log. */
const MOST_EXCHANGES = 5;
const EXCHANGES_MS = 60_000;

export class Reporters {
  readonly #files: Pick<TrustFiles, "reporters" | "like">;
  readonly #keys: Keys;
  readonly #clock: Clock;
  /** By the reporter's name, when it has exchanged its key lately. */
  readonly #exchanges = new Map<string, readonly number[]>();

  constructor(files: Pick<TrustFiles, "reporters" | "like">, keys: Keys, clock: Clock = systemClock) {
    this.#files = files;
    this.#keys = keys;
    this.#clock = clock;
  }

  /**
   * Enters `next` beside the public key that the reporter has proved, and says whether it was not there yet. Throws HarmonyError
   * `REVOKED`, `KEY_TAKEN`, `QUOTA` or `UNWRITABLE`.
   */
  async rotate(id: string, current: Uint8Array, next: Uint8Array): Promise<boolean> {
    let isNew = false;
    await this.#change(id, current, (keys, all) => {
      isNew = !keys.some(({ publicKey }) => isSameKey(publicKey, next));
      if (!isNew) return null;
      const isTaken = all.some(({ publicKey }) => isSameKey(publicKey, next));
      if (isTaken) throw refusal("KEY_TAKEN", "another reporter has this public key");
      this.#countExchange(id);
      return [current, next];
    });
    return isNew;
  }

  /** The reporter has come with this one of its keys: with the newer one, the former goes. Throws as rotate() does. */
  async came(id: string, publicKey: Uint8Array): Promise<void> {
    if (!isNewer(this.#keys.ofReporter(id), publicKey)) return; // as nearly always: the file is left alone
    await this.#change(id, publicKey, (keys) => (isNewer(keys, publicKey) ? [publicKey] : null));
  }

  #countExchange(id: string): void {
    const now = this.#clock.now();
    const lately = (this.#exchanges.get(id) ?? []).filter((at) => now - at < EXCHANGES_MS);
    if (lately.length >= MOST_EXCHANGES)
      throw refusal("QUOTA", `this reporter has exchanged its key ${MOST_EXCHANGES} times within a minute`, true);
    this.#exchanges.set(id, [...lately, now]);
  }

  /** `change`: from the reporter's keys and everybody's to its new ones, or null where they stay. */
  async #change(
    id: string,
    current: Uint8Array,
    change: (keys: readonly OwnKey[], all: readonly OwnKey[]) => readonly Uint8Array[] | null,
  ): Promise<void> {
    const { reporters, like } = this.#files;
    const changed = (text: string) => {
      const all = parseReporters(text, reporters);
      const keys = all.filter((key) => key.id === id);
      const isEntered = keys.some(({ publicKey }) => isSameKey(publicKey, current));
      if (!isEntered) throw refusal("REVOKED", "this reporter was taken out of the balancer's reporters file");
      const after = change(keys, all);
      return after === null ? text : changeKeys(text, id, after);
    };
    try {
      await editFile(reporters, changed, { like });
    } catch (error) {
      if (error instanceof HarmonyError) throw error;
      throw unwritable(reporters, error);
    }
  }
}

/** For the reporter's log as well: what the system says is in the balancer's. */
export function unwritable(file: string, cause: unknown): HarmonyError {
  return new HarmonyError(
    "UNWRITABLE",
    `the balancer cannot change ${file}: its user has to be able to write in that folder`,
    {
      fault: "balancer",
      retry: true,
      cause,
    },
  );
}

/** A new key is entered behind the former one. */
function isNewer(keys: readonly OwnKey[], publicKey: Uint8Array): boolean {
  return keys.length > 1 && isSameKey(keys.at(-1)!.publicKey, publicKey);
}

function refusal(code: string, message: string, retry = false): HarmonyError {
  return new HarmonyError(code, message, { fault: "target", retry });
}
