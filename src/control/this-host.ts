/** Where the server of a reporter on the balancer's own host is to be dialled: at a loopback address, but at which? */
import type { TcpAddress } from "../runtime/runtime.ts";
import { parseIp } from "./ip.ts";
import type { Report } from "./messages.ts";
import type { ProbeOutcome } from "./probe.ts";
import type { Holder, Registry } from "./registry.ts";

/** Stands for this host in the name of a target, whichever loopback address the reporter's "localhost" led over. */
export const THIS_HOST = "127.0.0.1";
/** In the order in which they are tried. */
const LOOPBACKS = [THIS_HOST, "::1"];

/** Whether a reporter seen at this address is on the balancer's own host. */
export function isThisHost(seen: string): boolean {
  return parseIp(seen)?.range() === "loopback";
}

export interface ThisHostOptions {
  readonly registry: Registry;
  /** Must not reject, and be quick: a report waits for it. */
  readonly probe: (to: TcpAddress) => Promise<ProbeOutcome>;
}

export class ThisHost {
  readonly #options: ThisHostOptions;
  /** Where the port that a session last reported was seen to accept. */
  readonly #found = new WeakMap<Holder, TcpAddress>();

  constructor(options: ThisHostOptions) {
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
