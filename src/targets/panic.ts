/**
 * All reporters of a pool lost at once: that is the fault of a network or a firewall, hardly of every server. The pool is in panic
 * then, and its targets are served as a last resort, each while it accepts connections, since nobody knows more of them.
 *
 * The rule. A target is silent when its last report said that it is up and counts no more: its time is over, or it refused a probe
 * after its reporter was lost. A panic begins when no reporter of the pool has been heard for a lease and two or more targets are
 * silent whose reports still counted when the last one was heard. Those are the ones in panic. One that had fallen silent among
 * reporters that were heard is out for reasons of its own, and so is one that said so. The next report of any of them ends it.
 */
import type { TargetView } from "../pool/pool.ts";
import type { Clock } from "../util/clock.ts";
import type { EventOf } from "../util/emitter.ts";
import { saidByChecks, type TargetChecks } from "./checked.ts";
import { type Order, saidByOrder } from "./orders.ts";
import type { Report, TargetEvents, TargetKey } from "./report.ts";
import type { TargetPool } from "./target-pool.ts";

/** One target alone may just as well have died with its reporter. */
const FEWEST = 2;

/** What is to be known of a registered target. */
export interface Registered {
  readonly identity: string;
  readonly pool: TargetPool;
  /** The last one. */
  readonly report: Report;
  /** Of whoever reported. */
  readonly key: TargetKey;
  /** Whether the last report still does. */
  readonly counts: boolean;
  /** One that is declared, or known from another balancer, is served without a report, and so is in no panic; nor is one that an operator or a check has out. */
  readonly row: {
    readonly shared: object | null;
    readonly declared: object | null;
    readonly order: Order | null;
    readonly checks: TargetChecks;
  };
  /** Until when the last report counts, or did; in a panic that is over, its end. */
  until: number;
}

export interface PanicsOptions {
  /** Whether there is any in that pool: its option `panic`. */
  readonly panicOf: (pool: string) => boolean;
  readonly pools: ReadonlyMap<string, TargetPool>;
  /** How long a report counts, ms. */
  readonly lease: number;
  readonly clock: Clock;
  readonly onEvent: (...event: EventOf<TargetEvents>) => void;
  /** A pool's targets have changed. */
  readonly onChange: (pool: string) => void;
}

/** The registry's. */
export interface RegisteredTargets {
  get(identity: string): Registered | undefined;
  of(pool: string): readonly Registered[];
}

/** The panics of all pools, which they are named by. A pool's own mark says whether it is in one. */
export class Panics {
  readonly #options: PanicsOptions;
  readonly #targets: RegisteredTargets;
  /** When a reporter of the pool was last heard. A panic has begun a lease after that. */
  readonly #heardAt = new Map<string, number>();
  /** How many targets are in a panic that has not been told of yet. */
  readonly #untold = new Map<string, number>();

  constructor(options: PanicsOptions, targets: RegisteredTargets) {
    this.#options = options;
    this.#targets = targets;
  }

  /** A report was taken in. Targets of its pool may have gone out. */
  reported(name: string): void {
    const now = this.#options.clock.now();
    if (this.#isOn(name)) this.#end(name, now);
    this.#heardAt.set(name, now);
  }

  /** A target is no longer registered; `said`: its reporter said so. */
  left(name: string, said: boolean): void {
    const now = this.#options.clock.now();
    if (!this.#isOn(name)) {
      if (said) this.#heardAt.set(name, now);
    } else if (this.members(name).length === 0) {
      this.#end(name, now);
    }
  }

  /** Gives the pools whose panic begins now: their `members()` are to be connected to, and `tell()` is to be called after that. */
  look(now: number): string[] {
    const { panicOf, pools, lease } = this.#options;
    const begun: string[] = [];
    for (const [name, pool] of pools) {
      if (!panicOf(name)) {
        if (pool.panic) this.#end(name, now);
        continue;
      }
      if (pool.panic || this.#heard(name) + lease > now) continue;
      const { length } = this.members(name);
      if (length < FEWEST) continue;
      pool.panic = true;
      this.#untold.set(name, length);
      begun.push(name);
    }
    return begun;
  }

  /** Tells of a panic that has begun, once. */
  tell(name: string): void {
    const targets = this.#untold.get(name);
    if (targets === undefined) return;
    this.#untold.delete(name);
    const accepting = this.members(name).filter(({ identity, pool }) => pool.view(identity)?.state === "up").length;
    const silentMs = this.#options.clock.now() - this.#heard(name);
    this.#options.onEvent("panicStart", name, { silentMs, targets, accepting });
  }

  /** Those that are served while they accept, once there is a panic. */
  members(name: string): Registered[] {
    return this.#targets.of(name).filter((target) => this.#isSilent(target));
  }

  /** The members that have yet to accept a connection, or to accept one again. */
  waiting(name: string): TargetView[] {
    if (!this.#isOn(name)) return [];
    return this.members(name).flatMap(({ identity, pool }) => {
      const view = pool.view(identity);
      return view?.state === "down" ? [view] : [];
    });
  }

  /** Whether it is one of the members. */
  has(identity: string): boolean {
    const target = this.#targets.get(identity);
    return target?.pool.panic === true && this.#isSilent(target);
  }

  /** The pool goes. */
  forget(name: string): void {
    if (this.#isOn(name)) this.#end(name, this.#options.clock.now());
    this.#heardAt.delete(name);
    this.#untold.delete(name);
  }

  /** Connecting to a member has failed: it is out until it accepts. */
  failed(identity: string): void {
    const target = this.#targets.get(identity);
    if (target === undefined) return;
    target.pool.setState(identity, "down");
    this.#options.onChange(target.report.pool);
  }

  #end(name: string, now: number): void {
    const { pools, lease, onEvent } = this.#options;
    this.tell(name); // so that there is no end without a beginning
    for (const target of this.members(name)) {
      target.pool.setState(target.identity, "down");
      target.until = now; // so that it counts among those of the next panic, if that was the only report
    }
    pools.get(name)!.panic = false;
    onEvent("panicEnd", name, now - this.#heard(name) - lease);
  }

  #isOn(name: string): boolean {
    return this.#options.pools.get(name)?.panic === true;
  }

  #heard(name: string): number {
    return this.#heardAt.get(name) ?? Number.POSITIVE_INFINITY;
  }

  #isSilent({ counts, report, until, row }: Registered): boolean {
    if (counts || row.shared !== null || row.declared !== null || saidByOrder(row.order) !== "up") return false;
    if (saidByChecks(row.checks) !== "up") return false;
    return report.health === "up" && !report.drain && until >= this.#heard(report.pool);
  }
}
