/** The keys a balancer accepts and the key a reporter uses: from HARMONY_KEY, a named file, or the default places. */
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { codeOf, HarmonyError, messageOf } from "../../util/errors.ts";
import { INSECURE_KEY, type Key, parseKey } from "./key.ts";
import { badFile, createKeyFile, isPresent, type KeyFileContent, readKeyFile, signatureOf } from "./key-file.ts";
import { type KeyPlace, keyPlaces, type Surroundings, surroundings } from "./key-places.ts";

export interface KeyOptions {
  /** `[id:]secret`: HARMONY_KEY, or the library's `key`. Beats any file. */
  readonly key?: string | undefined;
  /** `--key-file`. Without it the default places are tried. */
  readonly keyFile?: string | undefined;
  /** `--insecure`: the balancer also accepts, and the reporter uses, the key that everybody knows. */
  readonly insecure?: boolean | undefined;
  readonly surroundings?: Surroundings;
}

/** The keys a balancer accepts, as they are now: a changed file counts from the next look-up on. */
export class Keys {
  readonly #fixed: readonly Key[];
  readonly #file: string | null;
  readonly #around: Surroundings;
  #content: KeyFileContent = { keys: [], signature: "" };
  /** The state of the file that could not be used; the keys read before stay valid, and it is said once. */
  #broken = "";
  /** Told when a changed file cannot be used. */
  onWarning: (message: string) => void = () => undefined;

  constructor(fixed: readonly Key[], file: string | null, around: Surroundings) {
    this.#fixed = fixed;
    this.#file = file;
    this.#around = around;
    if (file !== null) this.#content = readExisting(file, around);
  }

  /** The same object as before while the key has not changed, so that a session can tell. */
  find(id: string): Key | undefined {
    this.#refresh();
    return [...this.#fixed, ...this.#content.keys].find((key) => key.id === id);
  }

  /** For a log line: which keys are accepted. */
  ids(): string[] {
    this.#refresh();
    return [...this.#fixed, ...this.#content.keys].map((key) => key.id);
  }

  #refresh(): void {
    if (this.#file === null) return;
    let signature = "gone";
    try {
      signature = signatureOf(this.#file);
      if (signature === this.#content.signature || signature === this.#broken) return;
      const read = readKeyFile(this.#file, this.#around);
      const before = new Map(this.#content.keys.map((key) => [JSON.stringify(key), key]));
      this.#content = { ...read, keys: read.keys.map((key) => before.get(JSON.stringify(key)) ?? key) };
      this.#broken = "";
    } catch (error) {
      if (this.#broken === signature) return;
      this.#broken = signature;
      this.onWarning(`${messageOf(error)}; the keys read before stay valid`);
    }
  }
}

/** `hint`: one line on how to hand a freshly created key to other hosts, null when none was created. Throws HarmonyError. */
export function balancerKeys(options: KeyOptions): { keys: Keys; hint: string | null } {
  const around = options.surroundings ?? surroundings();
  const fixed = options.insecure ? [INSECURE_KEY] : [];
  if (options.key)
    return {
      keys: new Keys([...fixed, parseKey(options.key, "the key given as HARMONY_KEY or option")], null, around),
      hint: null,
    };
  const found = existingPlace(options.keyFile, around);
  if (found) return { keys: new Keys(fixed, found.path, around), hint: null };
  if (options.insecure) return { keys: new Keys(fixed, null, around), hint: null };
  const { path } = create(options.keyFile, around);
  return { keys: new Keys(fixed, path, around), hint: `created key file ${path}; ${handOn(path)}` };
}

/** Looks anew at every call, for the key may come or change while the reporter runs. Throws `NO_KEY` (a retry can help), `BAD_KEY`, `BAD_KEY_FILE`. */
export function reporterKey(options: KeyOptions): () => Key {
  return () => {
    if (options.insecure) return INSECURE_KEY;
    if (options.key) return parseKey(options.key, "the key given as HARMONY_KEY or option");
    const around = options.surroundings ?? surroundings();
    const found = existingPlace(options.keyFile, around);
    const key = found && readExisting(found.path, around).keys[0];
    if (key) return key;
    const places = options.keyFile
      ? options.keyFile
      : keyPlaces(around)
          .map((place) => place.path)
          .join(", ");
    throw new HarmonyError(
      "NO_KEY",
      `no key at ${places}: copy the balancer's key file there, name one with --key-file, or set HARMONY_KEY`,
      { fault: "config", retry: true },
    );
  };
}

function existingPlace(named: string | undefined, around: Surroundings): KeyPlace | undefined {
  if (named) return existsSync(named) ? { path: named, kind: "user" } : undefined;
  return keyPlaces(around).find((place) => isPresent(place, around));
}

function readExisting(path: string, around: Surroundings): KeyFileContent {
  try {
    return readKeyFile(path, around);
  } catch (error) {
    if (error instanceof HarmonyError) throw error;
    throw badFile(path, `cannot be read: ${messageOf(error)}`);
  }
}

/** What a home that cannot be written to answers. */
const NOT_HERE = new Set(["EACCES", "EPERM", "EROFS", "ENOENT", "ENOTDIR"]);

function create(named: string | undefined, around: Surroundings): KeyPlace {
  // A named file's directory is the operator's to make: creating it would hide a mistyped path.
  if (named && !existsSync(dirname(named))) throw badFile(named, "cannot be created: there is no such directory");
  const candidates: KeyPlace[] = named
    ? [{ path: named, kind: "user" }]
    : keyPlaces(around).filter((place) => place.kind !== "system");
  const problems: string[] = [];
  for (const place of candidates) {
    try {
      createKeyFile(place, around);
      return place;
    } catch (error) {
      if (error instanceof HarmonyError || !NOT_HERE.has(codeOf(error) ?? "")) throw error;
      problems.push(messageOf(error));
    }
  }
  throw new HarmonyError(
    "NO_KEY",
    `no key, and none could be created (${problems.join("; ")}): set HARMONY_KEY or name a file with --key-file`,
    { fault: "config" },
  );
}

function handOn(path: string): string {
  const target = ".config/harmony";
  return `hand it to a reporter's host with: ssh HOST mkdir -pm 700 ${target} && scp -p ${path} HOST:${target}/key`;
}
