/** A target as the balancer that its reporter speaks to writes it down for the others. */
import * as z from "zod/mini";
import { readPassedOn } from "../control/protocol/messages.ts";
import { isPrintable, moment, name, text } from "../control/protocol/schema.ts";
import type { Entry } from "../targets/entry.ts";
import type { Report, TargetKey } from "../targets/report.ts";
import type { SharedTarget } from "../targets/shared-target.ts";
import { parseIp } from "../util/address.ts";
import { jsonOf } from "./word.ts";

/** A target of a reporter's of this balancer's own. `isLost`: the connection to the reporter is, and what it said last counts for a lease. */
export type OwnTarget = Omit<SharedTarget, "by" | "at"> & {
  /** By which its key would be revoked; absent: it cannot be, or an earlier release has written this. */
  readonly fingerprint?: string;
  readonly isLost?: true;
};

const Record = z.object({
  /** Where it is dialled, but for the port, which its report has. */
  host: text(100).check(z.refine((given) => parseIp(given) !== null, "must be an IP address")),
  seen: z.optional(text(100)),
  /** No id of a key is longer; those of tokens have a prefix. */
  key: text(200),
  fingerprint: z.optional(text(100)),
  lost: z.optional(z.literal(true)),
  since: moment,
  /** ms since 1970: when this was written. Of two balancers' words on one target the later one counts. */
  at: moment,
  report: z.looseObject({ pool: name }),
});

export interface Written extends OwnTarget {
  readonly at: number;
}

/** null: what its reporter has said here counts no more, or nobody has said anything. */
export function ownTarget(
  entry: Entry | null | undefined,
  fingerprintOf: (key: TargetKey) => string | null,
): OwnTarget | null {
  if (!entry?.counts) return null;
  const { report, address, key, saidSince, judged, owner } = entry;
  const fingerprint = fingerprintOf(key);
  return {
    ...{ report, address, key: key.id, since: saidSince, seen: judged.seen },
    ...(fingerprint !== null && { fingerprint }),
    ...(owner === null && { isLost: true }),
  };
}

/** Without the time at which it is written, so that what says the same is the same. */
export function recordOf({ report, address: { host }, key, fingerprint, since, seen, isLost }: OwnTarget): object {
  return { host, key, fingerprint, since, seen, ...(isLost && { lost: true }), report: passedOn(report) };
}

export function writeRecord(record: object, at: number): string {
  return JSON.stringify({ ...record, at });
}

/** Characters: a pool's name and a path in full. */
const MAX_NAME = 700;

/** Whether a target can be called so. Names get into logs, and others than Harmony may write there. */
export function isTargetName(name: string): boolean {
  return name.length <= MAX_NAME && isPrintable(name);
}

/** null: it is none of a target that could be called so. */
export function readRecord(name: string, given: string): Written | null {
  const { data } = Record.safeParse(jsonOf(given));
  if (data === undefined) return null;
  if (!isTargetName(name) || !name.startsWith(`${data.report.pool}/`)) return null;
  try {
    const report = readPassedOn(data.report);
    const { host, key, fingerprint, since, at, seen, lost } = data;
    return {
      ...{ report, address: { host, port: report.port }, key, since, at },
      ...(fingerprint !== undefined && { fingerprint }),
      ...(seen !== undefined && { seen }),
      ...(lost && { isLost: true }),
    };
  } catch {
    return null; // a report that no reporter could have made
  }
}

function passedOn(report: Report): Report {
  const { id, pool, port, weight, health, reason, drain, asleep, advertise, maxConnections, priority } = report;
  const { sendProxy, instance, listen, options, credits } = report;
  return {
    ...{ id, pool, port, weight, health, reason, drain, asleep, advertise, maxConnections, priority },
    ...{ sendProxy, instance, listen, options },
    // What is issued to this balancer is nobody else's; and how much that is changes all the time.
    ...(credits !== undefined && { credits: 0 }),
  };
}
