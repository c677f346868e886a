/** What the balancer changes in the lines of invited reporters while it runs: their keys, when they exchange them. */
import { editFile } from "../../util/edited-file.ts";
import { HarmonyError } from "../../util/errors.ts";
import type { OwnKey } from "./key.ts";
import type { Keys } from "./keys.ts";
import { isSameKey } from "./public-key.ts";
import { changeKeys, parseReporters } from "./reporters-file.ts";
import type { TrustFiles } from "./trust-files.ts";

export class Reporters {
  readonly #files: Pick<TrustFiles, "reporters" | "like">;
  readonly #keys: Keys;

  constructor(files: Pick<TrustFiles, "reporters" | "like">, keys: Keys) {
    this.#files = files;
    this.#keys = keys;
  }

  /** Enters `next` beside the public key that the reporter has proved. Throws HarmonyError `REVOKED`, `KEY_TAKEN` or `UNWRITABLE`. */
  rotate(id: string, current: Uint8Array, next: Uint8Array): Promise<void> {
    return this.#change(id, current, (keys, all) => {
      if (keys.some(({ publicKey }) => isSameKey(publicKey, next))) return null;
      const isTaken = all.some(({ publicKey }) => isSameKey(publicKey, next));
      if (isTaken) throw refusal("KEY_TAKEN", "another reporter has this public key");
      return [current, next];
    });
  }

  /** The reporter has come with this one of its keys: with the newer one, the former goes. Throws as rotate() does. */
  async came(id: string, publicKey: Uint8Array): Promise<void> {
    if (!isNewer(this.#keys.ofReporter(id), publicKey)) return; // as nearly always: the file is left alone
    await this.#change(id, publicKey, (keys) => (isNewer(keys, publicKey) ? [publicKey] : null));
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

function refusal(code: string, message: string): HarmonyError {
  return new HarmonyError(code, message, { fault: "target" });
}
