/** Whether a report may be taken in, but for whose its target is: what its key allows, its pool, and where its target is. */
import type { Address, TcpAddress } from "../net/runtime.ts";
import type { Clock } from "../util/clock.ts";
import { firstOf } from "../util/counted.ts";
import { HarmonyError } from "../util/errors.ts";
import { LatelyLocal } from "./local-addresses.ts";
import { forbidden } from "./location.ts";
import { offLimits } from "./reach.ts";
import type { Report, TargetOwner } from "./report.ts";
import { undialable } from "./self-dial-guard.ts";
import type { SharedTarget } from "./shared-target.ts";
import type { TargetPool } from "./target-pool.ts";

export interface AdmissionOptions {
  readonly pools: ReadonlyMap<string, TargetPool>;
  /** Where the balancer listens, for clients and for reporters. */
  readonly ownListeners: () => readonly Address[];
  readonly localAddresses: () => readonly string[];
  readonly clock: Clock;
}

export class Admission {
  readonly #options: AdmissionOptions;
  readonly #local: LatelyLocal;

  constructor(options: AdmissionOptions) {
    this.#options = options;
    this.#local = new LatelyLocal(options.clock, options.localAddresses);
  }

  /** Throws where there is none. */
  poolOf(report: Report): TargetPool {
    const { pools } = this.#options;
    const pool = pools.get(report.pool);
    if (!pool) throw unknownPool(report.pool, [...pools.keys()]);
    return pool;
  }

  /**
   * Throws where this owner may have no target there. Where a reporter is, it has proved by connecting from there; what it advertises
   * is only said.
   */
  checkAddress({ remote }: TargetOwner, { advertise }: Report, address: TcpAddress): void {
    const isSaid = advertise !== undefined;
    const reason = (isSaid && offLimits(address.host, remote.host, this.#local.get())) || this.undialable(address);
    if (reason) throw refusal("BAD_ADDRESS", reason);
  }

  /** Whether who dials that address would reach a listener at its port on every interface of this host. */
  isHere(address: TcpAddress): boolean {
    return undialable(address, [{ host: "", port: address.port }], this.#local.get()) !== null;
  }

  /** What is judged next is not judged again soon: by this host's addresses as they are now, not as they were lately. */
  lookAgain(): void {
    this.#local.expire();
  }

  /** Ports where the balancer listens, on whatever address. */
  ownPorts(): ReadonlySet<number> {
    return new Set(this.#options.ownListeners().flatMap((each) => ("port" in each ? [each.port] : [])));
  }

  /**
   * Why a target that another balancer vouches for is not to be dialled from here, or null. That one has judged its address, but what is a host
   * among others there may be this one here.
   */
  unshareable({ address, report, seen }: SharedTarget): string | null {
    const isSaid = report.advertise !== undefined && seen !== undefined;
    return (isSaid && offLimits(address.host, seen, this.#local.get())) || this.undialable(address);
  }

  /** Why the balancer cannot dial a target there, or null. */
  undialable(address: Address): string | null {
    return undialable(address, this.#options.ownListeners(), this.#local.get());
  }
}

/** Throws where the key does not allow this. */
export function checkKey(owner: TargetOwner, report: Report, location: TcpAddress): void {
  const reason = forbidden(owner, report, location);
  if (reason) throw refusal("FORBIDDEN", reason);
}

/** Pools that are named in a refusal: a line of a log has room for no more. */
const NAMED_POOLS = 10;

/** It may come with the next reload. */
function unknownPool(name: string, known: readonly string[]): HarmonyError {
  const others = known.length > 0 ? `only ${firstOf(known, NAMED_POOLS)}` : "nor any other";
  return refusal("UNKNOWN_POOL", `there is no pool "${name}", ${others}`, true);
}

/** Of a report. `retry`: it may be taken in later. */
export function refusal(code: string, message: string, retry = false): HarmonyError {
  return new HarmonyError(code, message, { fault: "target", retry });
}
