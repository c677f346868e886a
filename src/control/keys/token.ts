/**
 * A token: who may use the API, and how far. Its line lies among the keys of a key file, and is none of them: with a key reporters prove
 * who they are, and it never crosses the network, while a token is sent with every request.
 *
 *     token name=grafana right=read secret=SECRET
 *     token name=deploy right=act pool=web advertise=10.0.0.0/8 secret=SECRET
 */
import { NAME } from "../protocol/schema.ts";
import { formatLimits, type KeyLimits, parseLimits } from "./limits.ts";
import { badLine, linesOf } from "./lines.ts";

export const RIGHTS = ["read", "act"] as const;
/** `act`: to see everything, and to change it. */
export type Right = (typeof RIGHTS)[number];

export interface Token {
  readonly name: string;
  readonly right: Right;
  /** All that it sees and may act on; null: every pool. */
  readonly pool: string | null;
  /** For the targets that it puts, as a key's. */
  readonly limits: KeyLimits;
  readonly secret: string;
}

/** Characters. It is compared with whatever strangers send, and so is never one that people remember. */
export const MIN_TOKEN = 32;
/** Whoever comes over the socket, and the two tokens that a balancer makes by itself (token-files.ts). */
const RESERVED: readonly string[] = ["socket", ...RIGHTS];
const SECRET = /^[A-Za-z0-9._~+/=-]+$/;
/** Of a key's words, those that say nothing of a token. */
const OF_KEYS = ["from", "nat", "listen", "options", "sessions", "newTargets"] as const;

export function isTokenLine(line: string): boolean {
  return /^\s*token\s/.test(line);
}

/** The tokens of a key file. Throws `BAD_KEY` with file and line. */
export function parseTokens(content: string, file: string): Token[] {
  const tokens = new Map<string, Token>();
  for (const { line, where } of linesOf(content, file)) {
    if (!isTokenLine(line)) continue;
    const token = parseTokenLine(line, where);
    if (tokens.has(token.name)) throw badLine(where, `a second token "${token.name}": give each its own name`);
    tokens.set(token.name, token);
  }
  return [...tokens.values()];
}

/** Throws `BAD_KEY`; its message never contains the secret. */
export function parseTokenLine(line: string, where: string): Token {
  const words = line.trim().split(/\s+/).slice(1);
  const name = take(words, "name");
  const right = take(words, "right");
  const secret = take(words, "secret");
  if (name === null || !NAME.test(name)) throw badLine(where, "a token needs name=NAME, of letters, digits and . _ -");
  if (RESERVED.includes(name)) throw badLine(where, `the token's name "${name}" is taken: choose another`);
  if (!isRight(right)) throw badLine(where, `token "${name}" needs right=read or right=act`);
  if (secret === null || secret.length < MIN_TOKEN || !SECRET.test(secret)) {
    throw badLine(
      where,
      `token "${name}" needs secret=, ${MIN_TOKEN} or more letters and digits: harmony-balancer key new makes one`,
    );
  }
  const limits = parseLimits(words, `${where}: token "${name}"`);
  if (limits.pools !== undefined && limits.pools.length > 1)
    throw badLine(where, `token "${name}" has several pools: it has one, or all`);
  const foreign = OF_KEYS.find((limit) => limits[limit] !== undefined);
  if (foreign !== undefined) throw badLine(where, `token "${name}" has a word that only keys have (${foreign})`);
  return { name, right, pool: limits.pools?.[0] ?? null, limits, secret };
}

/** The line that parseTokenLine() reads as this token. */
export function formatToken({ name, right, limits, secret }: Token): string {
  return ["token", `name=${name}`, `right=${right}`, ...formatLimits(limits), `secret=${secret}`].join(" ");
}

export function isRight(text: string | null): text is Right {
  return (RIGHTS as readonly (string | null)[]).includes(text);
}

/** The value of a word, which is no longer among the others then. */
function take(words: string[], name: string): string | null {
  const at = words.findIndex((word) => word.startsWith(`${name}=`));
  const [word] = at < 0 ? [] : words.splice(at, 1);
  return word?.slice(name.length + 1) ?? null;
}
