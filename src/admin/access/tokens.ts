/** The tokens that the API takes: those of the key file, and the two that the balancer makes for itself. */
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { readKeyText } from "../../control/keys/key-file.ts";
import { parseTokens, RIGHTS, type Token } from "../../control/keys/token.ts";
import { fileOfLines, tokenFile } from "../../control/keys/token-files.ts";
import type { TrustFiles } from "../../control/keys/trust-files.ts";
import { WatchedFile } from "../../control/keys/watched-file.ts";
import { HarmonyError } from "../../util/errors.ts";
import { OwnTokenFile } from "./own-token-file.ts";

/** ms for which a page stays signed in: a dashboard on a wall is left alone for weeks. */
const SIGNED_IN_MS = 30 * 86_400_000;
/** Begins what a page has in place of a token. */
const SESSION = "session";
/** In no name. */
const BETWEEN = "~";

/** What a page has in place of a token. */
export function isSession(presented: string): boolean {
  return presented.startsWith(SESSION + BETWEEN);
}

export interface Session {
  readonly token: string;
  /** ms of the wall clock. */
  readonly until: number;
}

type Lines = WatchedFile<readonly Token[]>;

export class Tokens {
  readonly #own: readonly OwnTokenFile[];
  readonly #openLines: () => Lines;
  /** Null: its file could not be read so far. */
  #lines: Lines | null = null;
  /** Why not, which has been told. */
  #told = "";
  /** Called when a changed file cannot be used. */
  onWarning: (message: string) => void = () => undefined;

  /**
   * `inUse`: the file whose keys count; throws HarmonyError where its tokens cannot be read. Without one the tokens of the `named` file or
   * of the default one count, which need not be there.
   */
  constructor(inUse: string | null, files: TrustFiles, named: string | null = null) {
    const { reader } = files;
    const read = (path: string) => {
      const { text, signature } = readKeyText("key file", path, reader);
      return { value: parseTokens(text, path), signature };
    };
    const path = fileOfLines(inUse, named, files);
    this.#openLines = () => new WatchedFile<readonly Token[]>("key file", path, read, []);
    if (inUse !== null) this.#lines = this.#openLines();
    this.#own = RIGHTS.map((right) => new OwnTokenFile(tokenFile(files, right), right, reader));
  }

  /** As the files are now. */
  all(): Token[] {
    const warn = (message: string) => this.onWarning(`${message}; the tokens read before stay valid`);
    const own = this.#own.map((file) => file.current(warn)).filter((token) => token !== null);
    const lines = this.#linesNow();
    const { problem = null } = lines?.refresh() ?? {};
    if (problem !== null) warn(problem);
    return [...(lines?.value ?? []), ...own];
  }

  /** A file whose keys do not count does not keep a balancer from starting, whatever is wrong with it. */
  #linesNow(): Lines | null {
    try {
      this.#lines ??= this.#openLines();
    } catch (error) {
      if (!(error instanceof HarmonyError)) throw error;
      if (error.message !== this.#told) this.onWarning(`${error.message}; its tokens do not count`);
      this.#told = error.message;
    }
    return this.#lines;
  }

  named(name: string): Token | undefined {
    return this.all().find((token) => token.name === name);
  }

  /** Whose secret it is, or who has signed in with it. How long that takes tells nothing of any secret. */
  find(presented: string, now = Date.now()): Token | undefined {
    const all = this.all();
    if (isSession(presented)) return sessionOf(presented, all, now);
    const digest = sha256(presented);
    let found: Token | undefined;
    for (const token of all) if (timingSafeEqual(sha256(token.secret), digest)) found = token;
    return found;
  }

  /** For a page: it is good as long as its token, also after a restart of the balancer, and can be kept where the token should not be. */
  signIn(token: Token, now = Date.now()): Session {
    const until = now + SIGNED_IN_MS;
    return { token: signed(token, until), until };
  }
}

function signed({ name, secret }: Token, until: number): string {
  const what = [SESSION, name, until].join(BETWEEN);
  const proof = createHmac("sha256", sha256(secret)).update(what).digest("base64url");
  return `${what}${BETWEEN}${proof}`;
}

function sessionOf(presented: string, all: readonly Token[], now: number): Token | undefined {
  const [, name, text = ""] = presented.split(BETWEEN);
  const until = /^\d{1,15}$/.test(text) ? Number(text) : 0;
  const token = all.find((each) => each.name === name);
  if (token === undefined || until <= now) return undefined;
  return timingSafeEqual(sha256(signed(token, until)), sha256(presented)) ? token : undefined;
}

function sha256(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
