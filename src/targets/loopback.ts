/** Targets on the balancer's own host: their reporters are seen at a loopback address, but at which one does the server listen? */

import type { TcpAddress } from "../net/runtime.ts";
import type { TargetView } from "../pool/pool.ts";
import { parseIp } from "../util/address.ts";
import type { ProbeOutcome } from "./probe.ts";
import type { Report, TargetOwner } from "./report.ts";

/** Names a target on this host, whichever loopback address its reporter connected over and its server listens on. */
export const LOOPBACK = "127.0.0.1";
/** In the order in which they are tried. */
const LOOPBACKS = [LOOPBACK, "::1"];

export function isLoopback(host: string): boolean {
  return parseIp(host)?.range() === "loopback";
}

export interface LoopbackFinderOptions {
  /** `Registry.known` and `Registry.undialable`. */
  readonly registry: {
    known(owner: TargetOwner, report: Report): TargetView | undefined;
    undialable(address: TcpAddress): string | null;
  };
  /** Must not reject, and be quick: a report waits for it. */
  readonly probe: (to: TcpAddress) => Promise<ProbeOutcome>;
}

export interface Found {
  readonly host: string;
  /** Undefined: it was not connected to, or not with success. */
  readonly reach?: "connected";
}

export class LoopbackFinder {
  readonly #options: LoopbackFinderOptions;
  /** Where the port that an owner last reported was seen to accept, for each of its targets. */
  readonly #found = new WeakMap<TargetOwner, Map<number, TcpAddress>>();

  constructor(options: LoopbackFinderOptions) {
    this.#options = options;
  }

  /**
   * The loopback address for a report that advertises none, and how connecting went if that was tried. It probes until the port
   * has accepted once, and again while connections to the target fail; a server that works is left alone. Rejects as
   * `Registry.report()` throws. `ref`: which of its owner's targets it is.
   */
  async find(owner: TargetOwner, report: Report, ref = 0): Promise<Found> {
    const { port } = report;
    const target = this.#options.registry.known(owner, report);
    const known = this.#foundOf(owner);
    const found = known.get(ref);
    if (found?.port === port && target?.state !== "suspect") return { host: found.host };
    const accepting = await this.#accepting(port);
    if (accepting !== null) {
      known.set(ref, { host: accepting, port });
      return { host: accepting, reach: "connected" };
    }
    // Nothing accepts: a known target keeps its address, since with a new one it would no longer be a suspect.
    const current = target && "host" in target.address ? target.address.host : undefined;
    return { host: LOOPBACKS.find((each) => each === current) ?? LOOPBACK };
  }

  #foundOf(owner: TargetOwner): Map<number, TcpAddress> {
    const found = this.#found.get(owner) ?? new Map<number, TcpAddress>();
    this.#found.set(owner, found);
    return found;
  }

  async #accepting(port: number): Promise<string | null> {
    const { registry, probe } = this.#options;
    for (const host of LOOPBACKS) {
      const dialable = registry.undialable({ host, port }) === null;
      if (dialable && (await probe({ host, port })) === "connected") return host;
    }
    return null;
  }
}
