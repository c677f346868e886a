/** What a file says that people and programs change while we run. Read again when it has changed; one that cannot be used changes nothing. */
import { dirname } from "node:path";
import { HarmonyError, isAbsence, messageOf } from "../../util/errors.ts";
import { signatureOf } from "../../util/file-signature.ts";
import { maySee } from "../../util/folder-access.ts";

export interface FileContent<T> {
  readonly value: T;
  /** Changes whenever the file does. */
  readonly signature: string;
}

/** Of a file that is not there. */
const ABSENT = "";

export class WatchedFile<T> {
  readonly path: string;
  readonly #what: string;
  readonly #read: () => FileContent<T>;
  #content: FileContent<T>;
  /** Signature of the file when it could not be used: that is told once. */
  #broken: string | null = null;
  /** It may be usable though it has not changed, since it was not even read. */
  #mayHeal = false;

  /**
   * `what`: such as "key file". `read` throws the file system's ENOENT where there is no file: `empty` then counts until there is
   * one (and where this user may not look for it) or, without it, that is thrown. Where it throws a HarmonyError that says that a retry can help, it is called at every look.
   */
  constructor(what: string, path: string, read: (path: string) => FileContent<T>, empty?: T) {
    this.path = path;
    this.#what = what;
    this.#read = () => read(path);
    this.#content = this.#first(empty);
  }

  #first(empty: T | undefined): FileContent<T> {
    try {
      return this.#read();
    } catch (error) {
      if (empty === undefined || (!isAbsence(error) && maySee(dirname(this.path)))) throw error;
      return { value: empty, signature: ABSENT };
    }
  }

  get value(): T {
    return this.#content.value;
  }

  /** Whether there is something else to be said of it than before: what went wrong, or null for a change. Never throws. */
  refresh(): { readonly problem: string | null } | undefined {
    let signature = ABSENT;
    try {
      signature = signatureOf(this.path);
      if (signature === this.#content.signature || (signature === this.#broken && !this.#mayHeal)) return undefined;
      this.#content = this.#read();
      this.#broken = null;
      return { problem: null };
    } catch (error) {
      const isGone = isAbsence(error);
      this.#mayHeal = error instanceof HarmonyError && error.retry;
      if (isGone) signature = ABSENT;
      if (signature === this.#broken || (isGone && this.#content.signature === ABSENT)) return undefined;
      this.#broken = signature;
      return { problem: isGone ? `${this.#what} ${this.path} is gone` : messageOf(error) };
    }
  }

  /** What was wrong with it may not be any more, although the file is the same. */
  lookAgain(): void {
    this.#broken = null;
  }
}
