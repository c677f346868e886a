/**
 * The `revoked` file beside the keys: a line FINGERPRINT NAME TIME WHO for each key that was revoked, wherever that was. A key with such a line
 * is none any more, in whichever file it stands. Pure, but for keepRevoked().
 */
import { isAhead } from "../../util/ahead.ts";
import { editFile } from "../../util/edited-file.ts";
import { isFingerprint, MOST_REVOKED, oneWord, type Revocation } from "../protocol/revocation.ts";
import { NAME } from "../protocol/schema.ts";
import { badLine, linesOf } from "./lines.ts";
import type { TrustFiles } from "./trust-files.ts";

const REMARK = `# Harmony: keys that were revoked, here or at another balancer of the group, one a line: FINGERPRINT NAME TIME WHO
# They are refused wherever they stand. A new key may have the name of one of them.
`;

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

/**
 * As many as are kept, in the order in which they were revoked. Nobody has revoked anything later than `now` (ms since 1970): what is dated so
 * displaces nothing that is revoked now, and what is dated further ahead than clocks differ is the first to go.
 */
export function newest(all: Iterable<Revocation>, now: number): Revocation[] {
  const time = ({ at }: Revocation) => (isAhead(at, now) ? 0 : Math.min(at, now));
  return [...all].sort((one, other) => time(one) - time(other)).slice(-MOST_REVOKED);
}

/** Enters those that the file lacks. What is revoked at `now` (ms since 1970) is kept in any case. Throws as editFile() and parseRevoked() do. */
export async function keepRevoked(
  { revoked, like, reader }: Pick<TrustFiles, "revoked" | "like" | "reader">,
  revocations: readonly Revocation[],
  now: number,
): Promise<void> {
  const change = (before: string) => {
    const known = parseRevoked(before, revoked);
    const added = revocations.filter(({ fingerprint }) => !known.has(fingerprint));
    if (added.length === 0) return before;
    const lines = newest([...known.values(), ...added], now).map(lineOf);
    return `${REMARK}${lines.join("\n")}\n`;
  };
  await editFile(revoked, change, { like, reader });
}

function lineOf({ fingerprint, name, at, by }: Revocation): string {
  return `${fingerprint} ${name} ${new Date(at).toISOString()} ${by}`;
}
