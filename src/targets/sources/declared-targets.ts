/**
 * From what the document wants of each pool to the targets that it has: addresses as they are, names by what they stand for now.
 *
 * The app makes one, with `Dns` over its option `resolver`, and hands what it gives to `ControlServer.declare()`. At the start and at
 * each reload it calls `set()` for every pool, changed or not: so targets are judged by the listeners that there are by then.
 * `forget()` comes before a pool is removed, `close()` with the balancer's end.
 */
import type { NameService } from "../../net/dns.ts";
import { formatAddress } from "../../util/address.ts";
import type { Clock } from "../../util/clock.ts";
import type { DeclaredTarget, WantedTarget } from "../wanted.ts";
import type { Instance, Question } from "./look-up.ts";
import { Names } from "./names.ts";

export interface DeclaredTargetsOptions {
  readonly clock: Clock;
  readonly resolver: NameService;
  /** All targets that the pool is to have without reporters. Called within `set()`, and whenever a name stands for something else. */
  readonly onTargets: (pool: string, targets: readonly DeclaredTarget[]) => void;
  /** Something an operator should know. */
  readonly onWarning: (message: string) => void;
}

export class DeclaredTargets {
  readonly #options: DeclaredTargetsOptions;
  readonly #names: Names;
  /** By pool. */
  readonly #wanted = new Map<string, readonly WantedTarget[]>();
  readonly #given = new Map<string, readonly DeclaredTarget[]>();

  constructor(options: DeclaredTargetsOptions) {
    const { clock, resolver, onWarning } = options;
    this.#options = options;
    this.#names = new Names({
      clock,
      names: resolver,
      onWarning,
      onAnswer: (pools) => {
        for (const pool of pools) this.#declare(pool);
      },
    });
  }

  /**
   * From now on this is wanted of the pool. Names that were wanted before keep their answers; while one is looked up for the first time the
   * pool keeps what it had, so that its clients find somebody.
   */
  set(pool: string, wanted: readonly WantedTarget[]): void {
    this.#wanted.set(pool, wanted);
    this.#names.want(pool, wanted.flatMap(questionOf));
    this.#declare(pool);
  }

  /** The pool is being removed. */
  forget(pool: string): void {
    this.#wanted.delete(pool);
    this.#given.delete(pool);
    this.#names.want(pool, []);
  }

  close(): void {
    this.#names.close();
  }

  #declare(pool: string): void {
    const wanted = this.#wanted.get(pool) ?? [];
    const isOpen = wanted.flatMap(questionOf).some((question) => this.#names.isOpen(question));
    const before = isOpen ? (this.#given.get(pool) ?? []) : [];
    const found = wanted.flatMap((each) => this.#targetsOf(each));
    const places = new Set(found.map(({ address }) => formatAddress(address)));
    const targets = [...found, ...before.filter(({ address }) => !places.has(formatAddress(address)))];
    this.#given.set(pool, targets);
    this.#options.onTargets(pool, targets);
  }

  #targetsOf(wanted: WantedTarget): readonly DeclaredTarget[] {
    const { weight, maxConnections, priority, backup, check, agentCheck } = wanted;
    const checks = { ...(check && { check }), ...(agentCheck && { agentCheck }) };
    const terms = { weight, maxConnections, priority, backup, ...checks };
    if (wanted.kind === "address") return [{ ...terms, address: wanted.address, source: "static", name: null }];
    const [question] = questionOf(wanted);
    const instances = this.#names.answer(question!) ?? [];
    if (wanted.kind === "srv") return servicesOf(instances, wanted.name, terms);
    const { host: name, port } = wanted;
    return instances.map(({ ip }) => ({ ...terms, address: { host: ip, port }, source: "dns", name }));
  }
}

function questionOf(wanted: WantedTarget): Question[] {
  if (wanted.kind === "address") return [];
  return wanted.kind === "name" ? [{ kind: "name", host: wanted.host }] : [{ kind: "srv", name: wanted.name }];
}

type Terms = Omit<DeclaredTarget, "address" | "source" | "name">;

/**
 * By RFC 2782: those of the lowest priority take the load, the others stand by; each has its record's weight. A weight of 0 is the
 * least share there, and none at all here: it is 1 then, or where all of a priority say 0, which means that they are alike, what
 * the document says.
 */
function servicesOf(instances: readonly Instance[], name: string, terms: Terms): DeclaredTarget[] {
  const records = instances.flatMap(({ ip, record }) => (record ? [{ ip, ...record }] : []));
  const first = Math.min(...records.map(({ priority }) => priority));
  const weighted = new Set(records.flatMap(({ priority, weight }) => (weight > 0 ? [priority] : [])));
  return records.map(({ ip, port, priority, weight }) => ({
    ...terms,
    address: { host: ip, port },
    weight: weighted.has(priority) ? Math.max(1, weight) : terms.weight,
    backup: terms.backup || priority > first,
    source: "dns",
    name,
  }));
}
