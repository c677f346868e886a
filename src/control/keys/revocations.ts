/** Keys that were revoked, here or elsewhere, as far as this process knows: those of its file, and what it has been told since. */
import type { Clock } from "../../util/clock.ts";
import { messageOf } from "../../util/errors.ts";
import { fingerprintOfKey, MOST_REVOKED, type Revocation } from "../protocol/revocation.ts";
import { INSECURE_KEY, isShared, type Key } from "./key.ts";
import { readKeyText } from "./key-file.ts";
import { keepRevoked, newest, parseRevoked } from "./revoked-file.ts";
import type { TrustFiles } from "./trust-files.ts";
import { WatchedFile } from "./watched-file.ts";

/** ms between looks at the file: keys are looked up far more often. */
const LOOK_MS = 100;
/** ms until what could not be written is tried again. */
const RETRY_MS = 10_000;

export class Revocations {
  /** Somebody of this machine has revoked those. */
  onRevoked: (revocations: readonly Revocation[]) => void = () => undefined;
  readonly #files: Pick<TrustFiles, "revoked" | "like" | "reader">;
  readonly #clock: Clock;
  /** ms since 1970. */
  readonly #wallClock: () => number;
  readonly #file: WatchedFile<ReadonlyMap<string, Revocation>>;
  /** By fingerprint. */
  #all: Map<string, Revocation>;
  /** Keys stay the same objects while they do not change. */
  readonly #fingerprints = new WeakMap<Pick<Key, "id">, string>();
  #lookedAt = Number.NEGATIVE_INFINITY;
  #hasChanged = true;
  #writing: Promise<void> | null = null;
  #failedAt: number | null = null;

  /** Throws `BAD_KEY_FILE` or `BAD_KEY` where the file cannot be used: who may not know what is revoked may accept nothing. */
  constructor(files: Pick<TrustFiles, "revoked" | "like" | "reader">, clock: Clock, wallClock = Date.now) {
    this.#files = files;
    this.#clock = clock;
    this.#wallClock = wallClock;
    const read = (path: string) => {
      const { text, signature } = readKeyText("file of revoked keys", path, files.reader);
      return { value: parseRevoked(text, path), signature };
    };
    this.#file = new WatchedFile("file of revoked keys", files.revoked, read, new Map());
    this.#all = new Map(this.#file.value);
  }

  /** By fingerprint. */
  get all(): ReadonlyMap<string, Revocation> {
    return this.#all;
  }

  /** null: it was not. */
  of(key: Pick<Key, "id">): Revocation | null {
    const fingerprint = this.#all.size === 0 ? null : this.fingerprintOf(key);
    return fingerprint === null ? null : (this.#all.get(fingerprint) ?? null);
  }

  /** null: the key that everybody knows, and what invited reporters and tokens register with, is not revoked so. */
  fingerprintOf(key: Pick<Key, "id">): string | null {
    if (!isShared(key) || key === INSECURE_KEY) return null;
    const fingerprint = this.#fingerprints.get(key) ?? fingerprintOfKey(key);
    this.#fingerprints.set(key, fingerprint);
    return fingerprint;
  }

  /** Another balancer has said so: it holds from now on, and is kept as soon as it can be. What is known cannot have been revoked later. */
  heed(revocation: Revocation): void {
    if (this.#all.has(revocation.fingerprint)) return;
    this.#set([{ ...revocation, at: Math.min(revocation.at, this.#wallClock()) }]);
  }

  /** Looks at the file, and writes what it lacks. Whether more is revoked than at the last look. Never throws. */
  refresh(onWarning: (message: string) => void): boolean {
    const now = this.#clock.now();
    if (now - this.#lookedAt >= LOOK_MS) this.#look(now, onWarning);
    const changed = this.#hasChanged;
    this.#hasChanged = false;
    return changed;
  }

  #look(now: number, onWarning: (message: string) => void): void {
    this.#lookedAt = now;
    const news = this.#file.refresh();
    if (news?.problem) onWarning(`${news.problem}; what was revoked before stays so`);
    const added = [...this.#file.value.values()].filter(({ fingerprint }) => !this.#all.has(fingerprint));
    if (added.length > 0) {
      this.#set(added);
      // One that is older than as many as are kept is not news, as long as the file has it still.
      const news = added.filter(({ fingerprint }) => this.#all.has(fingerprint));
      if (news.length > 0) this.onRevoked(news);
    }
    this.#keep(now, onWarning);
  }

  #set(added: readonly Revocation[]): void {
    for (const each of added) this.#all.set(each.fingerprint, each);
    if (this.#all.size > MOST_REVOKED)
      this.#all = new Map(newest(this.#all.values(), this.#wallClock()).map((each) => [each.fingerprint, each]));
    this.#hasChanged = true;
  }

  #keep(now: number, onWarning: (message: string) => void): void {
    const lacking = [...this.#all.values()].filter(({ fingerprint }) => !this.#file.value.has(fingerprint));
    if (lacking.length === 0 || this.#writing !== null) return;
    if (this.#failedAt !== null && now - this.#failedAt < RETRY_MS) return;
    this.#writing = this.#write(lacking, onWarning).finally(() => {
      this.#writing = null;
    });
  }

  async #write(lacking: readonly Revocation[], onWarning: (message: string) => void): Promise<void> {
    try {
      await keepRevoked(this.#files, lacking, this.#wallClock());
      this.#failedAt = null;
    } catch (error) {
      if (this.#failedAt === null) {
        const { revoked } = this.#files;
        onWarning(
          `${revoked} cannot be written (${messageOf(error)}): keys that the group has revoked are refused, and accepted again when this balancer starts anew and does not reach the group`,
        );
      }
      this.#failedAt = this.#clock.now();
    }
  }
}
