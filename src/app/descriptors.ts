/** How the balancer's descriptors are shared between clients and the control channel. */
import type { PoolSettings } from "../config/settings.ts";
import { descriptorLimit } from "../engines/linux/sys/descriptor-limit.ts";
import { reserveOf } from "../engines/reserve.ts";
import { PLACES } from "../util/pre-auth-limit.ts";

/** Probes of targets under way (probe-pace.ts lets no more begin in a window), and files, look-ups and the log beside them. */
const PROBES_AND_FILES = 128;
/** Targets that several pools have room for together, unless one alone may have more: their reporters take a descriptor each. */
const SHARED_PLACES = 16_384;
/** With fewer left to reporters than this the operator is told: some reporters, their second sessions, and strangers. */
const FEW = 64;

/** Of the descriptors that clients may take, the part that sockets may take which are opened for reporters. */
const PART_OF_PORTS = 1 / 4;

export interface DescriptorShares {
  /** What the engine leaves alone. */
  readonly reserve: number;
  /** What sockets may take that are opened for reporters: the more there are, the fewer clients. */
  readonly ports: number;
  /** Places of strangers on the control channel: they do not take all of the reserve. */
  readonly strangers: number;
  /** The limit is so low that there is hardly room; null: it is not. */
  readonly warning: string | null;
}

/**
 * Targets, each with a reporter, of all pools together: pools share these places where there are many, since hardly one is as full as it
 * may be.
 */
export function targetPlaces(pools: ReadonlyMap<string, Pick<PoolSettings, "maxTargets">>): number {
  const each = [...pools.values()].map(({ maxTargets }) => maxTargets);
  const sum = each.reduce((all, some) => all + some, 0);
  return Math.max(...each, Math.min(sum, SHARED_PLACES));
}

/** Wanted are all places of strangers, and a reporter for each target. Of a low limit it is a part, of which strangers get half. */
export function shareDescriptors(maxTargets: number, limit = descriptorLimit()): DescriptorShares {
  const wanted = PLACES + maxTargets + PROBES_AND_FILES;
  const reserve = reserveOf(limit, wanted);
  const strangers = reserve >= wanted ? PLACES : Math.min(PLACES, Math.max(1, reserve >> 1));
  const warning =
    reserve >= Math.min(FEW, wanted)
      ? null
      : `only ${limit} file descriptors may be open: ${reserve} of them are left to reporters. Raise the limit (ulimit -n)`;
  return { reserve, ports: Math.floor((limit - reserve) * PART_OF_PORTS), strangers, warning };
}
