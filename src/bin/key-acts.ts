/** What `harmony-balancer key` does. */
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { limitWords } from "../config/invite-options.ts";
import type { Values } from "../config/option.ts";
import type { trustOptions } from "../config/trust-options.ts";
import { balancerFiles } from "../control/keys/find-keys.ts";
import { parseKeyFile, parseKeyLine, type SharedKey } from "../control/keys/key.ts";
import { newKeyText, newSecret, readKeyText } from "../control/keys/key-file.ts";
import { withLine, withoutLine } from "../control/keys/key-lines.ts";
import { hostEnvironment, userName } from "../control/keys/key-places.ts";
import { formatLimits, parseLimits } from "../control/keys/limits.ts";
import { keepRevoked } from "../control/keys/revoked-file.ts";
import { formatToken, isRight, parseTokenLine, parseTokens, RIGHTS, type Right } from "../control/keys/token.ts";
import { fileOfLines, tokenFile } from "../control/keys/token-files.ts";
import { revocationOf } from "../control/protocol/revocation.ts";
import { NAME } from "../control/protocol/schema.ts";
import { editFile } from "../util/edited-file.ts";
import { HarmonyError } from "../util/errors.ts";
import { note, print } from "./command.ts";
import { EXIT_NOTHING } from "./exit-codes.ts";
import { printLines } from "./shown.ts";
import { line } from "./terminal/line.ts";
import { paper } from "./terminal/paper.ts";
import { type Column, table } from "./terminal/table.ts";
import { checkUser } from "./trust-folder.ts";

export type KeyValues = Pick<Values<typeof trustOptions>, "keyFile" | "reporters"> & {
  readonly right: Right | null;
  readonly json: boolean;
} & Readonly<Record<string, unknown>>;

export async function newKey(values: KeyValues, name: string): Promise<number> {
  const { files, path } = writable(values);
  const words = limitWords(values);
  if (isRight(name)) return newOwnToken(values, name, words);
  if (!NAME.test(name)) throw wrong(`${JSON.stringify(name)} is no name: give 1 to 64 letters, digits or . _ -`);
  const { right } = values;
  const secret = newSecret();
  const limits = parseLimits(words, "the limits");
  const made = [`${name}:${secret}`, ...words].join(" ");
  const text = right === null ? made : formatToken({ name, right, pool: null, limits, secret });
  // It is judged as it will be when it is read.
  if (right === null) parseKeyLine(text, "the key");
  else parseTokenLine(text, "the token");
  // A file with tokens alone would be no key file.
  await editFile(
    path,
    (before) => withLine(before === "" && right !== null ? newKeyText() : before, text, path),
    files,
  );
  print(right === null ? `${name}:${secret}` : secret);
  note(`${right === null ? "Key" : "Token"} ${name} is written to ${path}; it is not shown again.`);
  if (right === null) note("On its host: put that line into ~/.config/harmony/key, mode 600, or set HARMONY_KEY.");
  else note("It goes into requests as Authorization: Bearer TOKEN, and into commands by --api URL --token-file FILE.");
  return 0;
}

async function newOwnToken(values: KeyValues, name: Right, words: readonly string[]): Promise<number> {
  const { files } = writable(values);
  if (words.length > 0 || (values.right !== null && values.right !== name))
    throw wrong(`the token ${name} may ${name} everywhere, and nothing else: choose another name`);
  const path = tokenFile(files, name);
  if (existsSync(path)) throw wrong(`there is a token ${name} already, in ${path}: revoke it first`);
  const secret = newSecret();
  await editFile(path, () => `${secret}\n`, files);
  print(secret);
  note(`Token ${name} is written to ${path}.`);
  return 0;
}

export async function revokeKey(values: KeyValues, name: string): Promise<number> {
  const { files, path, mayBeEmpty } = writable(values);
  if (isRight(name)) {
    const own = tokenFile(files, name);
    const was = existsSync(own);
    rmSync(own, { force: true });
    return revoked(was, `token ${name}`, own);
  }
  const kind = values.right === null ? kindOf(name, path) : "token";
  let found = false;
  let out: SharedKey | undefined;
  const without = (before: string) => {
    const after = kind === null ? null : withoutLine(before, { kind, name }, path);
    found = after !== null;
    out = kind === "key" ? parseKeyFile(before, path).find(({ id }) => id === name) : undefined;
    if (after !== null && kind === "key" && !mayBeEmpty && parseKeyFile(after, path).length === 0) throw last(name);
    return after ?? before;
  };
  if (existsSync(path)) await editFile(path, without, files);
  // By this the balancers of a group know that it is to be refused wherever it stands, and has not just been moved to another file.
  const now = Date.now();
  if (out !== undefined) await keepRevoked(files, [revocationOf(out, revoker(), now)], now);
  return revoked(found, `${kind ?? "key"} ${name}`, path);
}

function revoker(): string {
  return `${userName().replace(/^user /, "")}@${hostname()}`;
}

function revoked(found: boolean, what: string, path: string): number {
  if (found) print(`${what} is revoked`);
  else
    note(
      `there is no ${what} in ${path}: name the file that has it with --key-file, or do this on the machine that has it`,
    );
  return found ? 0 : EXIT_NOTHING;
}

/** A key and a token may have the same name; then --right says that the token is meant. */
function kindOf(name: string, path: string): "key" | "token" | null {
  const text = existsSync(path) ? readKeyText("key file", path).text : "";
  if (parseKeyFile(text, path).some(({ id }) => id === name)) return "key";
  return parseTokens(text, path).some((token) => token.name === name) ? "token" : null;
}

interface Listed {
  readonly name: string;
  readonly kind: "key" | "token";
  readonly right: Right | null;
  readonly limits: readonly string[];
  readonly file: string;
  /** Who has revoked it, and when (ISO 8601). */
  readonly revoked: { readonly by: string; readonly at: string } | null;
}

/** A token is taken out of its file, and that is all. */
const NEVER = { kind: "token", revoked: null } as const;

const COLUMNS: readonly Column<Listed>[] = [
  { title: "NAME", value: ({ name }) => name },
  { title: "KIND", value: ({ kind }) => kind },
  { title: "RIGHT", value: ({ right, revoked }) => (revoked ? "none" : (right ?? "register")) },
  { title: "LIMITS", value: ({ limits }) => limits.join(" ") || "-", least: 12, worth: 2 },
  { title: "FILE", value: ({ file }) => file, worth: 1 },
  { title: "REVOKED", value: ({ revoked }) => (revoked ? `${revoked.at} by ${revoked.by}` : "-"), worth: 2 },
];

export function listKeys(values: KeyValues): Promise<number> {
  const { files, path, revocations } = placesOf(values);
  const text = existsSync(path) ? readKeyText("key file", path, files.reader).text : "";
  const keys = parseKeyFile(text, path).map((key): Listed => {
    const revocation = revocations.of(key);
    const revoked = revocation && { by: revocation.by, at: new Date(revocation.at).toISOString() };
    return { name: key.id, kind: "key", right: null, limits: formatLimits(key.limits), file: path, revoked };
  });
  const tokens = parseTokens(text, path).map(
    ({ name, right, limits }): Listed => ({ ...NEVER, name, right, limits: formatLimits(limits), file: path }),
  );
  const own = RIGHTS.filter((right) => existsSync(tokenFile(files, right))).map(
    (right): Listed => ({ ...NEVER, name: right, right, limits: [], file: tokenFile(files, right) }),
  );
  const all = [...keys, ...tokens, ...own];
  if (values.json) print(JSON.stringify({ items: all }, null, 2));
  else
    printLines(
      all.length === 0
        ? [
            line(
              `There is no key in ${path}: give --key-file or --config as the balancer has it, or start it: it makes one.`,
            ),
          ]
        : table(COLUMNS, all, paper()),
    );
  return Promise.resolve(0);
}

function placesOf({ keyFile, reporters }: KeyValues) {
  const { files, keys, identity, revocations } = balancerFiles({ keyFile, reporters }, hostEnvironment());
  const mayBeEmpty = identity.keyPair !== null;
  return { files, path: fileOfLines(keys.loaded.file, keyFile, files), mayBeEmpty, revocations };
}

function writable(values: KeyValues) {
  const places = placesOf(values);
  if (values.reporters === null) mkdirSync(dirname(places.files.identity), { recursive: true, mode: 0o700 });
  checkUser(places.files);
  return places;
}

function last(name: string): HarmonyError {
  return wrong(
    `key ${name} is the last one, and a balancer goes on with it rather than with none: make another one first`,
  );
}

function wrong(message: string): HarmonyError {
  return new HarmonyError("BAD_OPTIONS", message, { fault: "config" });
}
