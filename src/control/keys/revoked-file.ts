/**
 * The `revoked` file beside the keys: a line FINGERPRINT NAME TIME WHO for each key that was revoked, wherever that was. A key with such a line
 * is none any more, in whichever file it stands. Its fingerprint tells it from another one of its name, and nothing of its secret that a recorded
 * handshake would not tell. Pure, but for keepRevoked().
 */
import { createHmac } from "node:crypto";
import { editFile } from "../../util/edited-file.ts";
import { NAME } from "../protocol/schema.ts";
import type { SharedKey } from "./key.ts";
import { badLine, linesOf } from "./lines.ts";
import { parseBytes } from "./public-key.ts";
import type { TrustFiles } from "./trust-files.ts";

/** Of more, the oldest go: some hundred kilobytes of a file that is read at one go. */
export const MOST_REVOKED = 4_000;
/** Characters of who has revoked it: USER@HOST. */
export const MAX_WHO = 100;
/** Bytes of a fingerprint: nobody finds another key that has it. */
const BYTES = 16;

const REMARK = `# Harmony: keys that were revoked, here or at another balancer of the group, one a line: FINGERPRINT NAME TIME WHO
# They are refused wherever they stand. A new key may have the name of one of them.
`;

export interface Revocation {
  readonly fingerprint: string;
  /** What the key was called. */
  readonly name: string;
  /** ms since 1970. */
  readonly at: number;
  readonly by: string;
}

/** The same name with another secret is another key. */
export function fingerprintOfKey({ id, secret }: Pick<SharedKey, "id" | "secret">): string {
  return createHmac("sha256", secret).update(`harmony key ${id}`).digest().subarray(0, BYTES).toString("base64url");
}

export function isFingerprint(text: string): boolean {
  return parseBytes(text, BYTES) !== null;
}

/** What it is made of has to be one word a piece. */
export function revocationOf(key: Pick<SharedKey, "id" | "secret">, by: string, at: number): Revocation {
  return { fingerprint: fingerprintOfKey(key), name: key.id, at, by: oneWord(by) };
}

export function oneWord(by: string): string {
  return by.replaceAll(/[^\p{L}\p{N}._@:-]+/gu, "-").slice(0, MAX_WHO) || "-";
}

/** By fingerprint. Throws `BAD_KEY` with file and line. */
export function parseRevoked(text: string, file: string): Map<string, Revocation> {
  const all = new Map<string, Revocation>();
  for (const { line, where } of linesOf(text, file)) {
    const [fingerprint = "", name = "", time = "", by = "-"] = line.trim().split(/\s+/);
    const at = Date.parse(time);
    if (!isFingerprint(fingerprint) || !NAME.test(name) || Number.isNaN(at))
      throw badLine(where, "it is no line FINGERPRINT NAME TIME WHO, as harmony-balancer key revoke writes it");
    all.set(fingerprint, { fingerprint, name, at, by: oneWord(by) });
  }
  return all;
}

/** The newest, in the order in which they were revoked. */
export function newest(all: Iterable<Revocation>): Revocation[] {
  return [...all].sort((one, other) => one.at - other.at).slice(-MOST_REVOKED);
}

/** Enters those that the file lacks. Throws as editFile() and parseRevoked() do. */
export async function keepRevoked(
  { revoked, like, reader }: Pick<TrustFiles, "revoked" | "like" | "reader">,
  revocations: readonly Revocation[],
): Promise<void> {
  const change = (before: string) => {
    const known = parseRevoked(before, revoked);
    const added = revocations.filter(({ fingerprint }) => !known.has(fingerprint));
    if (added.length === 0) return before;
    const lines = newest([...known.values(), ...added]).map(lineOf);
    return `${REMARK}${lines.join("\n")}\n`;
  };
  await editFile(revoked, change, { like, reader });
}

function lineOf({ fingerprint, name, at, by }: Revocation): string {
  return `${fingerprint} ${name} ${new Date(at).toISOString()} ${by}`;
}
