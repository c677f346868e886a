/** Reporters that have joined, with what the balancer has last seen of each: from the `reporters` file, and `seen` beside it. */
import { formatLimits } from "./limits.ts";
import { fingerprintOf } from "./public-key.ts";
import { readReporters } from "./reporters-file.ts";
import { readSeen } from "./seen-file.ts";
import type { TrustFiles } from "./trust-files.ts";

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

export function listReporters({ reporters, seen: seenFile, reader }: TrustFiles): ListedReporter[] {
  const seen = readSeen(seenFile, reader);
  const byName = new Map(readReporters(reporters, reader).map((reporter) => [reporter.id, reporter]));
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
