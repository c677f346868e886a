/**
 * A program's own key pair, in a file that is made to be read: `private KEY`, and at a reporter a line `balancer HOST:PORT PUBLICKEY
 * NAME` for each balancer that knows it. While a reporter changes its key, `next KEY` is the one that not every balancer knows yet.
 */
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { formatAddress } from "../../util/address.ts";
import { type EditOptions, editFile } from "../../util/edited-file.ts";
import { HarmonyError } from "../../util/errors.ts";
import { checkFolder } from "../../util/secret-file.ts";
import { NAME } from "../protocol/schema.ts";
import { generateKeyPair, type KeyPair, keyPairOf, privateKeyBytes } from "../protocol/x25519.ts";
import { linesOf } from "./lines.ts";
import { formatKeyBytes, parseKeyBytes } from "./public-key.ts";

/** A balancer as its reporter has learned it when it joined. */
export interface PinnedBalancer {
  readonly host: string;
  readonly port: number;
  readonly publicKey: Uint8Array;
  /** What the reporter is called there. */
  readonly name: string;
}

export interface Identity {
  readonly keyPair: KeyPair;
  readonly next: KeyPair | null;
  readonly balancers: readonly PinnedBalancer[];
}

export const BALANCER_REMARK =
  "# Harmony: this balancer's own key. Reporters know the balancer by it. Whoever holds it can pose as this balancer to them.";
export const REPORTER_REMARK =
  "# Harmony: this reporter's own key, and the balancers that it has joined. Not to be copied: every host joins with a key of its own.";

/** Throws `BAD_IDENTITY`, with file and line, and never with what the line says. */
export function parseIdentity(text: string, file: string): Identity {
  let own: KeyPair | null = null;
  let next: KeyPair | null = null;
  const balancers = new Map<string, PinnedBalancer>();
  for (const { line, where } of linesOf(text, file)) {
    const [word = "", ...rest] = wordsOf(line);
    if (word === "private" && own === null) own = privateKey(rest, where);
    else if (word === "next" && next === null) next = privateKey(rest, where);
    else if (word === "balancer") {
      const balancer = pinnedBalancer(rest, where);
      const place = placeOf(balancer);
      if (balancers.has(place))
        throw badIdentity(where, `a second line for the balancer ${place}: take one of them out`);
      balancers.set(place, balancer);
    } else
      throw badIdentity(where, "only private KEY, next KEY, each once, and balancer HOST:PORT KEY NAME may stand here");
  }
  if (own === null) throw badIdentity(file, "holds no line private KEY: put the file back, or remove it and join anew");
  return { keyPair: own, next, balancers: [...balancers.values()] };
}

function privateKey(words: readonly string[], where: string): KeyPair {
  const bytes = words.length === 1 ? parseKeyBytes(words[0]!) : null;
  if (bytes === null)
    throw badIdentity(where, "the private key is not 32 bytes in base64url: it was changed or cut off");
  return keyPairOf(bytes);
}

function pinnedBalancer([place = "", key = "", name = "", ...more]: readonly string[], where: string): PinnedBalancer {
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(place) ?? [];
  const host = bracketed ?? plain;
  const publicKey = parseKeyBytes(key);
  if (host === undefined || publicKey === null || !NAME.test(name) || more.length > 0) {
    throw badIdentity(where, "a balancer's line is balancer HOST:PORT PUBLICKEY NAME: join again to have it written");
  }
  return { host, port: Number(port), publicKey, name };
}

/** Of two that are the same it is the same: host names do not tell capitals from small letters. */
export function placeOf(balancer: Pick<PinnedBalancer, "host" | "port">): string {
  return formatAddress(balancer).toLowerCase();
}

/** Makes the file with a new key pair, unless it is there. `like`: whose owner and mode it gets. */
export async function createIdentity(
  path: string,
  remark: string,
  { like, reader }: Pick<EditOptions, "reader"> & { readonly like?: string } = {},
): Promise<void> {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  if (process.platform !== "win32") checkFolder(dirname(path));
  const change = (text: string) => text || `${remark}\nprivate ${privateText(generateKeyPair())}\n`;
  await editFile(path, change, { like: like ?? dirname(path), reader });
}

/** Enters the balancer, in place of what was known of that place. */
export function pinBalancer(path: string, balancer: PinnedBalancer): Promise<void> {
  const line = `balancer ${formatAddress(balancer)} ${formatKeyBytes(balancer.publicKey)} ${balancer.name}`;
  const isOfIt = ([word, place = ""]: string[]) => word === "balancer" && place.toLowerCase() === placeOf(balancer);
  return edit(path, (lines) => {
    const at = lines.findIndex((each) => isOfIt(wordsOf(each)));
    return at === -1 ? [...lines, line] : lines.with(at, line);
  });
}

/** Enters a key to change to, unless there is one already. */
export function beginRotation(path: string): Promise<void> {
  const line = `next ${privateText(generateKeyPair())}`;
  return edit(path, (lines) => {
    if (lines.some((each) => wordsOf(each)[0] === "next")) return lines;
    const at = lines.findIndex((each) => wordsOf(each)[0] === "private");
    return [...lines.slice(0, at + 1), line, ...lines.slice(at + 1)];
  });
}

/** The key to change to takes the former one's place. */
export function endRotation(path: string): Promise<void> {
  return edit(path, (lines) => {
    const next = lines.find((each) => wordsOf(each)[0] === "next");
    if (next === undefined) return lines;
    const others = lines.filter((each) => each !== next);
    return others.map((each) => (wordsOf(each)[0] === "private" ? `private ${wordsOf(next)[1]}` : each));
  });
}

function edit(path: string, change: (lines: string[]) => readonly string[]): Promise<void> {
  const changed = (text: string) => {
    parseIdentity(text, path); // what cannot be read is not written to
    return `${change(text.replace(/\n$/, "").split("\n")).join("\n")}\n`;
  };
  return editFile(path, changed, { like: path });
}

function wordsOf(line: string): string[] {
  return line.trim().split(/\s+/);
}

function privateText(pair: KeyPair): string {
  return formatKeyBytes(privateKeyBytes(pair));
}

function badIdentity(where: string, problem: string): HarmonyError {
  return new HarmonyError("BAD_IDENTITY", `${where}: ${problem}`, { fault: "config" });
}
