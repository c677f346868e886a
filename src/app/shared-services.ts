/** Ports that targets have brought which report to another balancer of the group: this one opens them as well. */
import { type Services as Bringing, isBringing } from "../control/server/services.ts";
import { WAITING } from "../group/offers.ts";
import type { SharedTarget } from "../targets/shared-target.ts";
import type { Clock } from "../util/clock.ts";
import { messageOf } from "../util/errors.ts";

/** Ports that those who report to other balancers may have opened: the others have judged what their keys allow. */
const MANY_PORTS = Number.POSITIVE_INFINITY;
/** ms until a port that could not be opened is tried again. */
const RETRY_MS = 10_000;

export interface SharedServicesOptions {
  readonly brought: Pick<Bringing, "bring">;
  readonly services: { readonly pools: { has(name: string): boolean } };
  readonly clock: Clock;
  /** Targets that have waited for a port may be used. */
  readonly onOpened: () => void;
}

export class SharedServices {
  readonly #options: SharedServicesOptions;
  /** By pool and port, why that is not open, and until when it is not tried again; what is open is not in it. */
  readonly #pending = new Map<string, { readonly why: string; readonly until: number }>();
  readonly #open = new Set<string>();

  constructor(options: SharedServicesOptions) {
    this.#options = options;
  }

  /** Why the target is not used, or WAITING; null: it may be. Asks for its port, if it has brought one. */
  pending({ report, key }: SharedTarget): string | null {
    if (!isBringing(report)) return null;
    const { brought, services, clock, onOpened } = this.#options;
    const at = `${report.pool}:${report.listen}`;
    if (this.#open.has(at) && services.pools.has(report.pool)) return null;
    const before = this.#pending.get(at);
    if (before !== undefined && clock.now() < before.until) return before.why;
    this.#open.delete(at);
    const why = before?.why ?? WAITING;
    this.#pending.set(at, { why, until: Number.POSITIVE_INFINITY });
    brought.bring(report, { key, ports: MANY_PORTS }).then(
      () => {
        this.#pending.delete(at);
        this.#open.add(at);
        onOpened();
      },
      (error: unknown) => {
        const failed = `port ${report.listen} cannot be opened for pool ${report.pool}: ${messageOf(error)}`;
        this.#pending.set(at, { why: failed, until: clock.now() + RETRY_MS });
      },
    );
    return why;
  }
}
