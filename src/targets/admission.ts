/** Whether a report may be taken in, but for whose its target is: what its key allows, its pool, and where its target is. */
import type { Address, TcpAddress } from "../net/runtime.ts";
import { HarmonyError } from "../util/errors.ts";
import { forbidden } from "./location.ts";
import { offLimits } from "./reach.ts";
import type { Report, TargetOwner } from "./report.ts";
import { undialable } from "./self-dial-guard.ts";
import type { TargetPool } from "./target-pool.ts";

export interface AdmissionOptions {
  readonly pools: ReadonlyMap<string, TargetPool>;
  /** Where the balancer listens, for clients and for reporters. */
  readonly ownListeners: () => readonly Address[];
  readonly localAddresses: () => readonly string[];
}

export class Admission {
  readonly #options: AdmissionOptions;

  constructor(options: AdmissionOptions) {
    this.#options = options;
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
    const local = this.#options.localAddresses();
    const reason = (isSaid && offLimits(address.host, remote.host, local)) || this.undialable(address);
    if (reason) throw refusal("BAD_ADDRESS", reason);
  }

  /** Whether who dials that address would reach a listener at its port on every interface of this host. */
  isHere(address: TcpAddress): boolean {
    return undialable(address, [{ host: "", port: address.port }], this.#options.localAddresses()) !== null;
  }

  /** Ports where the balancer listens, on whatever address. */
  ownPorts(): ReadonlySet<number> {
    return new Set(this.#options.ownListeners().flatMap((each) => ("port" in each ? [each.port] : [])));
  }

  /** Why the balancer cannot dial a target there, or null. */
  undialable(address: Address): string | null {
    const { ownListeners, localAddresses } = this.#options;
    return undialable(address, ownListeners(), localAddresses());
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
  const more = known.length > NAMED_POOLS ? ` and ${known.length - NAMED_POOLS} more` : "";
  const others = known.length > 0 ? `only ${known.slice(0, NAMED_POOLS).join(", ")}${more}` : "nor any other";
  return refusal("UNKNOWN_POOL", `there is no pool "${name}", ${others}`, true);
}

/** Of a report. `retry`: it may be taken in later. */
export function refusal(code: string, message: string, retry = false): HarmonyError {
  return new HarmonyError(code, message, { fault: "target", retry });
}
