/** The keys that a balancer accepts, from every source, as they are now. */
import { type Clock, systemClock } from "../../util/clock.ts";
import { INSECURE_KEY, isOwn, isShared, type Key, type OwnKey, type SharedKey } from "./key.ts";
import { badKeyFile, readExisting, readKeyText } from "./key-file.ts";
import type { HostEnvironment } from "./key-places.ts";
import { isSameKey } from "./public-key.ts";
import { parseReporters } from "./reporters-file.ts";
import { WatchedFile } from "./watched-file.ts";

/** ms that a reporter has to come back with its new key before what it registered with the former one goes out: several attempts. */
const EXCHANGE_MS = 15_000;

/** How many shared keys a balancer accepts, and the file that they come from, if any. */
export interface LoadedKeys {
  readonly count: number;
  readonly file: string | null;
  /** Reporters that have joined by invitation. */
  readonly reporters: number;
  /** Reporters without a key are let in as well. */
  readonly insecure: boolean;
}

export interface KeysOptions {
  /** The file of those that have joined by invitation. */
  readonly reporters?: string | null;
  /** Whether reporters are invited here: the key file may then hold no key any more. */
  readonly isInvited?: () => boolean;
  readonly clock?: Clock;
}

/**
 * Given ones, those of the key file and those of the `reporters` file, whose ids are one name space. A changed file takes effect at
 * the next look-up.
 */
export class Keys {
  readonly #fixed: readonly SharedKey[];
  readonly #clock: Clock;
  readonly #shared: WatchedFile<readonly SharedKey[]> | null;
  readonly #own: WatchedFile<readonly OwnKey[]> | null;
  /** Public keys that their reporters have exchanged for others, and until when their targets may stay. */
  #exchanged: readonly { readonly key: OwnKey; readonly until: number }[] = [];
  /** Called when a changed file cannot be used. */
  onWarning: (message: string) => void = () => undefined;
  /** Called when the keys are others than before. */
  onChange: (loaded: LoadedKeys) => void = () => undefined;

  constructor(
    fixed: readonly SharedKey[],
    file: string | null,
    environment: HostEnvironment,
    { reporters = null, isInvited = () => false, clock = systemClock }: KeysOptions = {},
  ) {
    this.#fixed = fixed;
    this.#clock = clock;
    const readKeys = (path: string) => {
      const { keys, signature } = readExisting(path, environment, isInvited());
      const twin = keys.find(({ id }) => this.#own?.value.some((own) => own.id === id));
      if (twin)
        throw badKeyFile(
          path,
          `has a key "${twin.id}", which is the name of a reporter in ${reporters}, too: give each its own`,
        );
      return { value: kept(this.#shared?.value, keys), signature };
    };
    this.#shared = file === null ? null : new WatchedFile("key file", file, readKeys);
    const ownerOf = (id: string) => {
      if (this.#fixed.some((key) => key.id === id)) return "HARMONY_KEY";
      return this.#shared?.value.some((key) => key.id === id) ? file : null;
    };
    const readReporters = (path: string) => {
      const { text, signature } = readKeyText("reporters file", path, environment);
      return { value: kept(this.#own?.value, parseReporters(text, path, ownerOf)), signature };
    };
    this.#own = reporters === null ? null : new WatchedFile("reporters file", reporters, readReporters, []);
  }

  /** A key with this id; for a reporter, the first of its own. The same object as before while it has not changed. */
  find(id: string): SharedKey | OwnKey | undefined {
    this.refresh();
    return this.#all().find((key) => key.id === id);
  }

  findByPublicKey(publicKey: Uint8Array): OwnKey | undefined {
    this.refresh();
    return this.#own?.value.find((key) => isSameKey(key.publicKey, publicKey));
  }

  /** The keys of an invited reporter: two while it exchanges its own, the newer one last. */
  ofReporter(id: string): OwnKey[] {
    this.refresh();
    return (this.#own?.value ?? []).filter((key) => key.id === id);
  }

  /** What has become of a key that was proved: itself with its limits of now, or undefined where it is no longer valid. */
  current(key: Pick<Key, "id">): SharedKey | OwnKey | undefined {
    this.refresh();
    return this.#all().find((each) => isSameProof(each, key));
  }

  /** Whether what was registered with this key may stay. For a while also after its reporter has exchanged it for another. */
  accepts(key: Pick<Key, "id">): boolean {
    return this.current(key) !== undefined || this.#exchanged.some((former) => isSameProof(former.key, key));
  }

  /** All that are accepted, each with the file that it comes from; one for each name. */
  every(): { readonly key: SharedKey | OwnKey; readonly file: string | null }[] {
    this.refresh();
    const shared = { keys: this.#shared?.value ?? [], file: this.#shared?.path ?? null };
    const own = { keys: this.#own?.value ?? [], file: this.#own?.path ?? null };
    const all = [{ keys: this.#fixed, file: null }, shared, own];
    const named = all.flatMap(({ keys, file }) => keys.map((key) => [key.id, { key, file }] as const));
    return [...new Map(named).values()];
  }

  /** Names of the keys that are accepted. */
  ids(): string[] {
    this.refresh();
    return [...new Set(this.#all().map((key) => key.id))];
  }

  get loaded(): LoadedKeys {
    const given = this.#fixed.filter((key) => key !== INSECURE_KEY).length;
    return {
      count: given + (this.#shared?.value.length ?? 0),
      file: this.#shared?.path ?? null,
      reporters: new Set(this.#own?.value.map(({ id }) => id)).size,
      insecure: given < this.#fixed.length,
    };
  }

  /** Whether there is a file, which may change. */
  get mayChange(): boolean {
    return this.#shared !== null || this.#own !== null;
  }

  /** Reads the files again that have changed. Never throws. */
  refresh(): void {
    const before = this.#own?.value ?? [];
    let changed = this.#look(this.#shared, this.#own);
    changed = this.#look(this.#own, this.#shared) || changed;
    if (changed) this.#exchanged = [...this.#exchanged, ...this.#exchangedSince(before)];
    const now = this.#clock.now();
    const left = this.#exchanged.filter(({ until, key }) => until > now && this.#all().some(({ id }) => id === key.id));
    changed ||= left.length < this.#exchanged.length;
    this.#exchanged = left;
    if (changed) this.onChange(this.loaded);
  }

  /** Whether the file has been read anew. */
  #look(file: WatchedFile<unknown> | null, other: WatchedFile<unknown> | null): boolean {
    const news = file?.refresh();
    if (!news) return false;
    if (news.problem !== null) this.onWarning(`${news.problem}; the keys read before stay valid`);
    else other?.lookAgain(); // the two may have contradicted each other
    return news.problem === null;
  }

  /** Keys that are gone from lines in which the one behind them stayed. A newer one that is taken out is none of its reporter's. */
  #exchangedSince(before: readonly OwnKey[]): { key: OwnKey; until: number }[] {
    const until = this.#clock.now() + EXCHANGE_MS;
    const after = this.#own?.value ?? [];
    const stays = (key: OwnKey) => after.some((each) => isSameProof(each, key));
    const gone = before.filter(
      (key, index) => !stays(key) && before.slice(index + 1).some((newer) => newer.id === key.id && stays(newer)),
    );
    return gone.map((key) => ({ key, until }));
  }

  #all(): (SharedKey | OwnKey)[] {
    return [...this.#fixed, ...(this.#shared?.value ?? []), ...(this.#own?.value ?? [])];
  }
}

/** Whether both are proved in the same way, whatever they allow. */
function isSameProof(a: Pick<Key, "id">, b: Pick<Key, "id">): boolean {
  if (a.id !== b.id) return false;
  if (isOwn(a)) return isOwn(b) && isSameKey(a.publicKey, b.publicKey);
  return isShared(a) && isShared(b) && a.secret === b.secret;
}

/** Keys that have not changed stay the same objects. */
function kept<K extends Key>(before: readonly K[] | undefined, keys: readonly K[]): K[] {
  const known = new Map(before?.map((key) => [JSON.stringify(key), key]));
  return keys.map((key) => known.get(JSON.stringify(key)) ?? key);
}
