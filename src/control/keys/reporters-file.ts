/**
 * The `reporters` file: a line NAME PUBLICKEY LIMITS for each invited reporter, made to be read and edited by people. What the balancer
 * changes in it leaves everybody's remarks, order and spacing alone. Pure, but for readReporters().
 */
import { codeOf } from "../../util/errors.ts";
import type { Reader } from "../../util/secret-file.ts";
import { NAME } from "../protocol/schema.ts";
import { INSECURE_KEY, type Key, type OwnKey } from "./key.ts";
import { readKeyText } from "./key-file.ts";
import { formatLimits, type KeyLimits, parseLimits } from "./limits.ts";
import { badLine, isRemark, linesOf } from "./lines.ts";
import { formatKeyBytes, parseKeyBytes } from "./public-key.ts";

/** Two only while a reporter changes its key. */
const MOST_KEYS = 2;

const REMARK = `# Harmony: reporters that have joined by invitation, one a line: NAME PUBLICKEY LIMITS
# The file is read again when it changes. Without its line a reporter is out within a second.
`;

/**
 * A key for each public key; one reporter has two of them while it changes its own. Blank lines and lines that begin with # are
 * ignored. `owner`: whose key has this id as well, if anybody's. Throws `BAD_KEY` with file and line.
 */
export function parseReporters(
  text: string,
  file: string,
  owner: (id: string) => string | null = () => null,
): OwnKey[] {
  const all = new Map<string, OwnKey>();
  const names = new Set<string>();
  for (const { line, where } of linesOf(text, file)) {
    const { id, limits, publicKeys } = parseReporterLine(line, where);
    if (names.has(id)) throw badLine(where, `a second reporter with the name "${id}": give each its own`);
    const other = owner(id);
    if (other !== null) throw badLine(where, `the name "${id}" is that of a key of ${other}, too: give each its own`);
    names.add(id);
    for (const publicKey of publicKeys) {
      const text = formatKeyBytes(publicKey);
      const twin = all.get(text);
      if (twin) throw badLine(where, `the public key of "${id}" is that of "${twin.id}", too: one line is enough`);
      all.set(text, { id, limits, publicKey });
    }
  }
  return [...all.values()];
}

/** Those of the file now; none where there is no file. Throws as readKeyText() and parseReporters() do. */
export function readReporters(path: string, reader?: Reader): OwnKey[] {
  try {
    return parseReporters(readKeyText("reporters file", path, reader).text, path);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return [];
    throw error;
  }
}

interface ReporterLine extends Key {
  readonly publicKeys: readonly Uint8Array[];
}

function parseReporterLine(line: string, where: string): ReporterLine {
  const [id = "", keys = "", ...words] = line.trim().split(/\s+/);
  if (!NAME.test(id)) throw badLine(where, "a line begins with the reporter's name: 1 to 64 letters, digits or . _ -");
  if (id === INSECURE_KEY.id) throw badLine(where, `the name "${id}" is reserved for --insecure: choose another`);
  const publicKeys = keys.split(",").map(parseKeyBytes);
  if (publicKeys.length > MOST_KEYS || !publicKeys.every((key) => key !== null)) {
    throw badLine(where, `after the name "${id}" its public key has to follow: 32 bytes in base64url`);
  }
  return { id, publicKeys, limits: parseLimits(words, where, "publicKey") };
}

/** The text with a line more. */
export function enterReporter(text: string, name: string, publicKey: Uint8Array, limits: KeyLimits): string {
  const line = [name, formatKeyBytes(publicKey), ...formatLimits(limits)].join(" ");
  const before = text || REMARK;
  return `${before}${before.endsWith("\n") ? "" : "\n"}${line}\n`;
}

/** The text with other public keys for the reporter, the rest of whose line stays as it is. */
export function changeKeys(text: string, name: string, publicKeys: readonly Uint8Array[]): string {
  const keys = publicKeys.map(formatKeyBytes).join(",");
  const change = (line: string) =>
    nameIn(line) === name ? line.replace(/^(\s*\S+\s+)\S+/, (_, before: string) => before + keys) : line;
  return text
    .split(/(?<=\n)/)
    .map(change)
    .join("");
}

function nameIn(line: string): string | null {
  return isRemark(line) ? null : line.trim().split(/\s+/, 1)[0]!;
}
