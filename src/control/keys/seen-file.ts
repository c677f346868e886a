/** The `seen` file beside `reporters`: when the balancers that share it have last seen each reporter, where, and with which targets. */
import * as z from "zod/mini";
import { editFile } from "../../util/edited-file.ts";
import { codeOf } from "../../util/errors.ts";
import { type Reader, readSecretFile } from "../../util/secret-file.ts";
import type { TrustFiles } from "./trust-files.ts";

/** By the reporter's name. */
const Seen = z.record(
  z.string(),
  z.object({
    /** When it was last connected, ms since 1970. */
    at: z.number(),
    address: z.string(),
    /** What it reported then: `pool/address:port`, or `pool/id`. */
    targets: z.array(z.string()),
  }),
);
export type Seen = z.infer<typeof Seen>;

/** A session of an invited reporter. */
export interface Sighting {
  readonly name: string;
  readonly address: string;
  readonly targets: readonly string[];
}

/** ms that the time in the file may be behind while nothing else changes. */
const COARSE_MS = 30_000;

/** Empty where there is none, or where it holds something else: the balancer writes it anew. Throws where the file is unsafe. */
export function readSeen(path: string, reader?: Reader): Seen {
  try {
    return parseSeen(readSecretFile(path, reader).text);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return {};
    throw error;
  }
}

/** Enters who is connected `now`, and takes out whoever is no reporter any more. */
export async function writeSeen(
  { seen, like }: Pick<TrustFiles, "seen" | "like">,
  sightings: readonly Sighting[],
  isReporter: (name: string) => boolean,
  now: number,
): Promise<void> {
  const change = (text: string) => {
    const before = parseSeen(text);
    const after = merged(before, sightings, isReporter, now);
    return JSON.stringify(after) === JSON.stringify(before) ? text : `${JSON.stringify(after, null, 2)}\n`;
  };
  // Most of the time there is nothing to write: then not even the lock is taken.
  const known = readSeen(seen);
  if (JSON.stringify(merged(known, sightings, isReporter, now)) === JSON.stringify(known)) return;
  await editFile(seen, change, { like });
}

function merged(
  before: Seen,
  sightings: readonly Sighting[],
  isReporter: (name: string) => boolean,
  now: number,
): Seen {
  const seen: Seen = Object.fromEntries(Object.entries(before).filter(([name]) => isReporter(name)));
  for (const name of new Set(sightings.map((each) => each.name).filter(isReporter))) {
    const sessions = sightings.filter((each) => each.name === name);
    const { address } = sessions.at(-1)!;
    const targets = [...new Set(sessions.flatMap((each) => each.targets))].sort();
    const known = before[name];
    const isSame = known?.address === address && known.targets.join() === targets.join();
    seen[name] = { at: known && isSame && now - known.at < COARSE_MS ? known.at : now, address, targets };
  }
  return seen;
}

function parseSeen(text: string): Seen {
  try {
    const read = Seen.safeParse(JSON.parse(text));
    return read.success ? read.data : {};
  } catch (error) {
    if (error instanceof SyntaxError) return {};
    throw error;
  }
}
