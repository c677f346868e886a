/**
 * Services that reporters bring: which reports make a pool and open a port, what they may not touch, and when what they have made goes
 * again. What runs is the document's to know and to change (apply.ts); here is only until when each port is kept, and what has been said.
 */
import type { Bringer, BringingReport, Services } from "../control/server/services.ts";
import { NetError } from "../net/net-error.ts";
import type { ListenAddress, TcpAddress } from "../net/runtime.ts";
import { overQuota } from "../targets/quota.ts";
import type { Asking } from "../targets/report.ts";
import type { Clock } from "../util/clock.ts";
import { codeOf, HarmonyError, messageOf } from "../util/errors.ts";
import { Turns } from "../util/turns.ts";
import type { Document } from "./apply.ts";
import { check, type Declared, settled, textOf, valuesOf } from "./declared.ts";
import { KeptPorts, portKey } from "./kept-ports.ts";
import type { ServedListener } from "./services.ts";

export interface BroughtOptions {
  readonly document: Pick<Document, "settings" | "brought" | "bring" | "letGo">;
  /** What is served now, with real ports. */
  readonly listeners: () => readonly ServedListener[];
  /** The target on this host that is at that port, or null. */
  readonly targetHere: (port: number) => string | null;
  readonly clock: Clock;
  /** Whether the key of that id is valid still, and allows that port for that pool. */
  readonly mayOpen: (key: string, pool: string, port: number) => boolean;
  /** Ports that may be open at once. */
  readonly mostPorts: number;
  /** ms that a port is kept when nobody asks for it any more. */
  readonly serviceTimeout: number;
  readonly onOpened: (pool: string, port: number) => void;
  readonly onClosed: (pool: string, port: number) => void;
  readonly onWarning: (message: string) => void;
}

/** As many as have been shown to cost next to nothing, and more ports than anybody gives away. */
export const MOST_PORTS = 1_000;
/**
 * ms from the opening of a port until a target has registered that asks for it: it does so at once, or is refused. Two looks at who asks are
 * no further apart.
 */
const UNASKED_MS = 2_000;

/**
 * ms for which a key has to do without waiting for ports in use: openings come one after the other, and somebody who asks for taken
 * ones again and again would hold up all others.
 */
const IMPATIENT_MS = 10_000;

/** Warnings of a pool: targets come and go without end. */
const MOST_TOLD = 100;

export class Brought implements Services {
  readonly #options: BroughtOptions;
  readonly #kept: KeptPorts;
  /** By key id, until when nothing is waited for at its openings: one has met a port that another program has. */
  readonly #impatientUntil = new Map<string, number>();
  /** The options of each brought pool, as they were declared. */
  readonly #declared = new Map<string, Declared>();
  /** What has been warned of, by pool. */
  readonly #told = new Map<string, Set<string>>();
  /** Pools that are being changed: who asks for them meanwhile waits. */
  readonly #changing = new Set<string>();
  readonly #turns = new Turns();
  #closed = false;

  constructor(options: BroughtOptions) {
    this.#options = options;
    this.#kept = new KeptPorts(options.clock);
  }

  get size(): number {
    return this.#options.document.brought.size;
  }

  async bring(report: BringingReport, by: Bringer): Promise<void> {
    if (this.#useDefined(report)) return;
    const { document } = this.#options;
    const { pool, listen, options = {} } = report;
    check(options, document.settings.poolDefaults);
    if (this.#changing.has(pool) || !this.#has(pool, listen)) await this.#turns.take(() => this.#open(report, by));
    else this.#kept.keep(pool, listen, UNASKED_MS, by.key);
  }

  look(asking: readonly Asking[]): void {
    const { document, serviceTimeout, mayOpen } = this.#options;
    const ofPools = new Map([...document.brought.keys()].map((pool) => [pool, [] as Asking[]]));
    const asked = new Set(asking.map(({ pool, listen }) => portKey(pool, listen)));
    for (const each of asking) {
      ofPools.get(each.pool)?.push(each);
      this.#kept.keepOn(each.pool, each.listen, Math.max(serviceTimeout, UNASKED_MS));
    }
    // Who has taken a key away wants its ports closed.
    this.#kept.retain(({ pool, port, key }) => asked.has(portKey(pool, port)) || mayOpen(key, pool, port));
    const closing = [...ofPools].filter(([pool, targets]) => this.#lookAt(pool, targets)).map(([pool]) => pool);
    if (closing.length > 0) this.#changeAll(closing, () => this.#letGo(closing));
    this.#forget();
  }

  /** Nothing is opened from here on. Resolves when nothing is being changed. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#turns.over();
  }

  /** Whether the pool is the operator's, and the report asks for a port of its own. Throws where it asks for another one. */
  #useDefined({ pool, listen, options = {} }: BringingReport): boolean {
    const { document, listeners } = this.#options;
    if (!document.settings.pools.has(pool)) return false;
    const own = listeners().filter(({ pools }) => pools.includes(pool));
    if (!own.some((each) => isAt(each, listen))) {
      const message = `pool ${pool} is defined in the configuration of this balancer, and port ${listen} is none of its own: leave listen out`;
      throw refusal("POOL_DEFINED", message);
    }
    if (Object.keys(options).length > 0) {
      const message = `options that reporters declare for pool ${pool} are ignored, since it is defined in the configuration`;
      this.#tell(pool, message, message);
    }
    return true;
  }

  async #open({ pool, listen, options = {} }: BringingReport, by: Bringer): Promise<void> {
    const { document, onOpened } = this.#options;
    if (this.#closed) throw refusal("STOPPING", "the balancer is stopping");
    if (this.#has(pool, listen)) return this.#kept.keep(pool, listen, UNASKED_MS, by.key);
    this.#refuseTaken(pool, listen);
    this.#refuseMore(by);
    const before = document.brought.get(pool);
    const declared = (before && this.#declared.get(pool)) ?? options;
    try {
      const all = [...(before?.listen ?? []), { host: "", port: listen }];
      await document.bring(pool, { listen: all, options: valuesOf(declared) }, this.#patienceFor(by));
    } catch (error) {
      if (codeOf(error) === "EADDRINUSE") this.#impatientUntil.set(by.key, this.#options.clock.now() + IMPATIENT_MS);
      throw asRefusal(error, listen);
    }
    if (before === undefined) this.#declared.set(pool, options);
    this.#kept.keep(pool, listen, UNASKED_MS, by.key);
    onOpened(pool, listen);
  }

  /** A port is one pool's, also where another one's clients come to it at one address of several: some would be served by that alone. */
  #refuseTaken(pool: string, port: number): void {
    const at = this.#options.listeners().filter((each) => isAt(each, port));
    const other = at.flatMap(({ pools }) => pools).find((each) => each !== pool);
    if (other !== undefined)
      throw refusal("LISTEN_TAKEN", `clients of pool ${other} come to port ${port}: choose another one`);
    const target = this.#options.targetHere(port);
    if (target !== null)
      throw refusal("LISTEN_TAKEN", `the target ${target} on this host is at port ${port}: choose another one`);
  }

  /** There are as many as there may be, or as its key may have: it could keep every port for itself otherwise, with one target. */
  #refuseMore({ key, ports: most }: Bringer): void {
    const ports = portsOf(this.#options.document.brought.values());
    if (ports >= this.#options.mostPorts)
      throw refusal("SERVICES_FULL", `this balancer has opened ${ports} ports for reporters, as many as it does`);
    const own = this.#kept.countOf(key);
    if (own >= most) throw overQuota({ id: key }, `${own} ports opened`, "targets");
  }

  #patienceFor({ key }: Bringer): number | undefined {
    return (this.#impatientUntil.get(key) ?? 0) > this.#options.clock.now() ? 0 : undefined;
  }

  /** `asking`: the pool's targets. Whether one of its ports is to close. */
  #lookAt(pool: string, asking: readonly Asking[]): boolean {
    if (this.#changing.has(pool)) return false;
    const declared = this.#settle(pool, asking);
    if (declared !== this.#declared.get(pool)) {
      this.#changeAll([pool], () => this.#declare(pool, declared));
      return false; // the next look sees to its ports
    }
    return this.#staying(pool).length < this.#options.document.brought.get(pool)!.listen.length;
  }

  #changeAll(pools: readonly string[], change: () => Promise<void>): void {
    for (const pool of pools) this.#changing.add(pool);
    this.#turns
      .take(change)
      .catch((error: unknown) => {
        for (const pool of pools) this.#notChanged(pool, error);
      })
      .finally(() => {
        for (const pool of pools) this.#changing.delete(pool);
      });
  }

  #notChanged(pool: string, error: unknown): void {
    if (this.#closed || codeOf(error) === "POOL_DEFINED") return; // meanwhile, so that it is the operator's to change, or nobody's
    const message = `pool ${pool} could not be changed: ${messageOf(error)}`;
    this.#tell(pool, message, message); // once, though it is tried again at each look
  }

  async #declare(pool: string, declared: Declared): Promise<void> {
    const { document } = this.#options;
    const before = document.brought.get(pool);
    if (before === undefined || this.#closed) return;
    await document.bring(pool, { listen: before.listen, options: valuesOf(declared) });
    this.#declared.set(pool, declared);
  }

  /** Ports that nobody asks for any more close; with its last one a pool goes. */
  async #letGo(pools: readonly string[]): Promise<void> {
    const { document, listeners, onClosed } = this.#options;
    const before = [...document.brought].filter(([pool]) => pools.includes(pool));
    if (this.#closed) return;
    await document.letGo(new Map(before.map(([pool]) => [pool, this.#staying(pool)])));
    const open = new Set(listeners().map(({ pool, address }) => portKey(pool, "port" in address ? address.port : 0)));
    for (const [pool, { listen }] of before) {
      for (const port of listen.map(portOf)) if (!open.has(portKey(pool, port))) onClosed(pool, port);
    }
  }

  #staying(pool: string): readonly ListenAddress[] {
    const { listen } = this.#options.document.brought.get(pool)!;
    return listen.filter((address) => this.#kept.has(pool, portOf(address)));
  }

  #settle(pool: string, asking: readonly Asking[]): Declared {
    const { declared, first, ignored } = settled(asking, this.#declared.get(pool) ?? {});
    for (const { target, options } of ignored) {
      const message = `target ${target} declares ${textOf(options)} for pool ${pool}, which is ignored: target ${first} came first, with ${textOf(declared)}`;
      this.#tell(pool, target, message);
    }
    return declared;
  }

  #has(pool: string, port: number): boolean {
    const { listen = [] } = this.#options.document.brought.get(pool) ?? {};
    return listen.some((address) => portOf(address) === port);
  }

  /** What is known of pools that are gone, or are the operator's. */
  #forget(): void {
    const { brought } = this.#options.document;
    this.#kept.retain(({ pool, port }) => this.#has(pool, port));
    const now = this.#options.clock.now();
    for (const [key, until] of this.#impatientUntil) if (until <= now) this.#impatientUntil.delete(key);
    for (const pool of this.#declared.keys()) if (!brought.has(pool)) this.#declared.delete(pool);
    for (const pool of this.#told.keys()) if (!this.#isThere(pool)) this.#told.delete(pool);
  }

  #isThere(pool: string): boolean {
    const { brought, settings } = this.#options.document;
    return brought.has(pool) || settings.pools.has(pool);
  }

  #tell(pool: string, about: string, message: string): void {
    const told = this.#told.get(pool) ?? new Set();
    this.#told.set(pool, told);
    if (told.has(about) || told.size >= MOST_TOLD) return;
    told.add(about);
    this.#options.onWarning(message);
  }
}

function portsOf(services: Iterable<{ readonly listen: readonly ListenAddress[] }>): number {
  return [...services].reduce((sum, { listen }) => sum + listen.length, 0);
}

/** What is brought listens at ports alone. */
function portOf(address: ListenAddress): number {
  return (address as TcpAddress).port;
}

function isAt({ address }: ServedListener, port: number): boolean {
  return "port" in address && address.port === port;
}

function asRefusal(error: unknown, port: number): unknown {
  if (error instanceof NetError) {
    const code = error.code === "EADDRINUSE" ? "LISTEN_TAKEN" : "LISTEN_FAILED";
    return refusal(code, `port ${port} cannot be opened: ${error.message}`, error);
  }
  if (error instanceof RangeError)
    return new HarmonyError("BAD_OPTION", error.message, { fault: "target", cause: error });
  return error;
}

function refusal(code: string, message: string, cause?: unknown): HarmonyError {
  return new HarmonyError(code, message, { fault: "target", retry: true, cause });
}
