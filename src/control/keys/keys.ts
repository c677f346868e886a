/** The keys that a balancer accepts, from every source, as they are now. */
import { type Clock, systemClock } from "../../util/clock.ts";
import type { Revocation } from "../protocol/revocation.ts";
import { INSECURE_KEY, isOwn, isShared, type Key, type OwnKey, type SharedKey } from "./key.ts";
import { badKeyFile, readExisting, readKeyText } from "./key-file.ts";
import type { HostEnvironment } from "./key-places.ts";
import { isSameKey } from "./public-key.ts";
import { parseReporters } from "./reporters-file.ts";
import type { Revocations } from "./revocations.ts";
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
  /** null: none is ever revoked. */
  readonly revocations?: Revocations | null;
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
  readonly #revocations: Revocations | null;
  /** Keys that are revoked, and of which it has been told that they are still in a file. */
  #toldRevoked: ReadonlySet<SharedKey | OwnKey> = new Set();
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
    { reporters = null, isInvited = () => false, revocations = null, clock = systemClock }: KeysOptions = {},
  ) {
    this.#fixed = fixed;
    this.#clock = clock;
    this.#revocations = revocations;
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

  /** All that there are, each with the file that it comes from, and whether it is revoked; one for each name. */
  every(): PlacedKey[] {
    this.refresh();
    return this.#every();
  }

  #every(): PlacedKey[] {
    const shared = { keys: this.#shared?.value ?? [], file: this.#shared?.path ?? null };
    const own = { keys: this.#own?.value ?? [], file: this.#own?.path ?? null };
    const all = [{ keys: this.#fixed, file: null }, shared, own];
    const placed = (key: SharedKey | OwnKey, file: string | null) => ({ key, file, revoked: this.#revoked(key) });
    const named = all.flatMap(({ keys, file }) => keys.map((key) => [key.id, placed(key, file)] as const));
    return [...new Map(named).values()];
  }

  /** Whether a key of that name stands in a file still, and is accepted no more. */
  isRevoked(id: string): boolean {
    for (const key of this.#toldRevoked) if (key.id === id) return true;
    return false;
  }

  /** Names of the keys that are accepted. */
  ids(): string[] {
    this.refresh();
    return [...new Set(this.#all().map((key) => key.id))];
  }

  get loaded(): LoadedKeys {
    const given = this.#fixed.filter((key) => key !== INSECURE_KEY).length;
    const accepted = [...this.#fixed, ...(this.#shared?.value ?? [])].filter((key) => this.#revoked(key) === null);
    return {
      count: accepted.filter((key) => key !== INSECURE_KEY).length,
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
    const revoked = this.#revocations?.refresh((message) => this.onWarning(message)) ?? false;
    if (changed || revoked) changed = this.#tellRevoked() || changed;
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
    const all = [...this.#fixed, ...(this.#shared?.value ?? []), ...(this.#own?.value ?? [])];
    return this.#toldRevoked.size === 0 ? all : all.filter((key) => this.#revoked(key) === null);
  }

  #revoked(key: SharedKey | OwnKey): Revocation | null {
    return this.#revocations?.of(key) ?? null;
  }

  /** Whether the revoked ones among the keys are others than before. Who has one in a file is to take it out. */
  #tellRevoked(): boolean {
    const before = this.#toldRevoked;
    const revoked = this.#every().filter((each) => each.revoked !== null);
    this.#toldRevoked = new Set(revoked.map(({ key }) => key));
    const added = revoked.filter(({ key }) => !before.has(key));
    for (const each of added) this.onWarning(revokedText(each));
    return added.length > 0 || revoked.length < before.size;
  }
}

/** A key as it is accepted, or would be if it were not revoked. */
export interface PlacedKey {
  readonly key: SharedKey | OwnKey;
  readonly file: string | null;
  readonly revoked: Revocation | null;
}

function revokedText({ key, file, revoked }: PlacedKey): string {
  const place = file === null ? "HARMONY_KEY" : file;
  const when = new Date(revoked?.at ?? 0).toISOString();
  return `key "${key.id}" of ${place} is refused: ${revoked?.by} has revoked it, at ${when}. Take it out there; a new key may have its name`;
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
