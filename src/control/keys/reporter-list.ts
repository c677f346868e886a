/** Reporters that have joined, with what the balancer has last seen of each: from the `reporters` file, and `seen` beside it. */
import { readFileSync } from "node:fs";
import * as z from "zod/mini";
import { codeOf } from "../../util/errors.ts";
import { readKeyText } from "./key-file.ts";
import { formatLimits } from "./limits.ts";
import { fingerprintOf } from "./public-key.ts";
import { parseReporters } from "./reporters-file.ts";
import type { TrustFiles } from "./trust-files.ts";

/** By the reporter's name. */
const Seen = z.record(
  z.string(),
  z.object({
    /** When one of its sessions was last open, ms since 1970. */
    at: z.number(),
    address: z.string(),
    /** What it reports then: `pool/address:port`, or `pool/id`. */
    targets: z.array(z.string()),
  }),
);
export type Seen = z.infer<typeof Seen>;

export interface ListedReporter {
  readonly name: string;
  /** Of its public key; of the newer one while there are two. */
  readonly fingerprint: string;
  readonly limits: readonly string[];
  /** ISO time, or null. */
  readonly seen: string | null;
  readonly address: string | null;
  readonly targets: readonly string[];
}

export function listReporters({ reporters, seen: seenFile }: TrustFiles): ListedReporter[] {
  const seen = readSeen(seenFile);
  const byName = new Map(reportersOf(reporters).map((reporter) => [reporter.id, reporter]));
  return [...byName.values()].map(({ id, publicKey, limits }) => {
    const { at, address = null, targets = [] } = seen[id] ?? {};
    return {
      name: id,
      fingerprint: fingerprintOf(publicKey),
      limits: formatLimits(limits),
      seen: at === undefined ? null : new Date(at).toISOString(),
      address,
      targets,
    };
  });
}

/** Empty where there is none, or where it holds something else: the balancer writes it anew. */
export function readSeen(path: string): Seen {
  try {
    const read = Seen.safeParse(JSON.parse(readFileSync(path, "utf8")));
    return read.success ? read.data : {};
  } catch (error) {
    if (error instanceof SyntaxError || codeOf(error) === "ENOENT") return {};
    throw error;
  }
}

function reportersOf(path: string) {
  try {
    return parseReporters(readKeyText("reporters file", path, process.platform).text, path);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return [];
    throw error;
  }
}
