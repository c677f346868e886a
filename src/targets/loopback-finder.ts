/** Where the server of a reporter on the balancer's own host is to be dialled: at a loopback address, but at which? */

import type { TcpAddress } from "../net/runtime.ts";
import { THIS_HOST } from "./loopback.ts";
import type { ProbeOutcome } from "./probe.ts";
import type { Holder, Registry } from "./registry.ts";
import type { Report } from "./report.ts";

/** In the order in which they are tried. */
const LOOPBACKS = [THIS_HOST, "::1"];

export interface LoopbackFinderOptions {
  readonly registry: Registry;
  /** Must not reject, and be quick: a report waits for it. */
  readonly probe: (to: TcpAddress) => Promise<ProbeOutcome>;
}

export class LoopbackFinder {
  readonly #options: LoopbackFinderOptions;
  /** Where the port that a session last reported was seen to accept. */
  readonly #found = new WeakMap<Holder, TcpAddress>();

  constructor(options: LoopbackFinderOptions) {
    this.#options = options;
  }

  /**
   * The loopback address for a report that advertises none. It looks where the port accepts until it has found that out,
   * and again while connections to the target fail; a server at work is left alone. Rejects as `Registry.report()` throws.
   */
  async hostOf(holder: Holder, report: Report): Promise<string> {
    const { port } = report;
    const target = this.#options.registry.known(holder, report);
    const found = this.#found.get(holder);
    if (found?.port === port && target?.state !== "suspect") return found.host;
    const host = await this.#accepting(port);
    if (host !== null) this.#found.set(holder, { host, port });
    // Nothing accepts: a target that is known stays where it is, since a new address would lift its suspicion.
    return (
      host ?? LOOPBACKS.find((each) => target && "host" in target.address && target.address.host === each) ?? THIS_HOST
    );
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
