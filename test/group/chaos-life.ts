/** Balancers of a group, reporters and clients, and what may happen to them. */
import type { Stamped } from "../../src/group/store.ts";
import type { Pool } from "../../src/pool/pool.ts";
import { Random } from "../support/kernel/random.ts";
import { Reporter } from "./chaos-reporter.ts";
import { type Balancer, LEASE, World } from "./world.ts";

export const BALANCERS = 3;
export const REPORTERS = 6;
/** ms between two looks at everything. */
const STEP = 200;
/** ms between reports. */
const REPORT_MS = LEASE / 3;
/** Clients of each balancer at each step, at most, and how long they stay: ms. */
const CLIENTS = 3;
const STAY_MS = 4_000;

/** What goes wrong between a balancer and the store. */
export type Fault = "lost" | "answersLost" | "hintsLost" | "hintsTwice";

/** A balancer's way to the store. `since`: when it last became good, or bad. */
export interface Hearing {
  isDeaf: boolean;
  since: number;
  /** Hints get lost, by which orders are known at once. */
  lacksHints: boolean;
}

interface Connection {
  readonly balancer: Balancer;
  readonly pool: Pool;
  readonly row: number;
  readonly name: string;
  readonly until: number;
}

export interface Ordered {
  readonly number: number;
  readonly drain: boolean;
}

/** ms in which what one balancer knows comes to all that hear: a word of each second, read and heeded. */
export const SETTLE = 4_000;

export class Life {
  readonly world = new World();
  readonly random: Random;
  readonly reporters: readonly Reporter[];
  /** By the target's name, all that was ordered, in this order. */
  readonly orders = new Map<string, Ordered[]>();
  readonly hearing = new Map<Balancer, Hearing>();
  /** When a balancer was killed, or stopped. */
  readonly goneAt = new Map<Balancer, number>();
  /** When the store has lost something last. */
  clearedAt = Number.NEGATIVE_INFINITY;
  onLook: () => void = () => undefined;
  onOrder: (balancer: Balancer, name: string, order: Ordered) => void = () => undefined;
  /** What was ordered before the last order that was given. */
  #ordersBefore = new Map<string, Stamped>();
  readonly #places = new Map<Balancer, number>();
  #open: Connection[] = [];
  #reportedAt = Number.NEGATIVE_INFINITY;
  #started = 0;
  #ordered = 0;

  constructor(seed: number) {
    this.random = new Random(seed);
    const places = { count: BALANCERS, of: (balancer: Balancer) => this.#places.get(balancer)! };
    this.reporters = Array.from({ length: REPORTERS }, (_, n) => new Reporter(n, places, this.world.clock));
  }

  get now(): number {
    return this.world.clock.now();
  }

  get alive(): Balancer[] {
    return this.world.balancers.filter(({ isAlive }) => isAlive);
  }

  async start(): Promise<void> {
    const taken = this.alive.map((balancer) => this.#places.get(balancer));
    const place = [0, 1, 2].find((each) => !taken.includes(each));
    if (place === undefined) return;
    const isServing = (to: object) =>
      this.reporters.some(({ host, lives }) => lives && "host" in to && to.host === host);
    const probe = async (to: object) => (isServing(to) ? ("connected" as const) : ("ECONNREFUSED" as const));
    const balancer = await this.world.start(`b${this.#started++}`, { probe });
    this.#places.set(balancer, place);
    this.hearing.set(balancer, { isDeaf: false, since: this.now, lacksHints: false });
  }

  /** Connections that a target has. */
  openOf(name: string): number {
    return this.#open.filter((each) => each.name === name).length;
  }

  async pass(ms: number): Promise<void> {
    for (const end = this.now + ms; this.now < end; ) {
      if (this.now >= this.#reportedAt + REPORT_MS) this.#report();
      await this.world.pass(STEP, STEP);
      this.#serve();
      this.onLook();
    }
  }

  async go(balancer: Balancer | undefined, saysGoodbye: boolean): Promise<void> {
    if (balancer === undefined) return;
    if (saysGoodbye) await balancer.group.leave();
    balancer.kill();
    this.goneAt.set(balancer, this.now);
    for (const reporter of this.reporters) reporter.lose(balancer);
    this.#open = this.#open.filter((each) => each.balancer !== balancer);
  }

  fault(balancer: Balancer | undefined, fault: Fault): void {
    if (balancer === undefined) return;
    balancer.store.fault({ [fault]: true });
    const hearing = this.hearing.get(balancer)!;
    if (fault === "hintsLost") hearing.lacksHints = true;
    if (hearing.isDeaf || fault === "hintsLost" || fault === "hintsTwice") return;
    Object.assign(hearing, { isDeaf: true, since: this.now });
  }

  heal(): void {
    for (const balancer of this.alive) {
      balancer.store.fault({ lost: false, slowMs: 0, hintsLost: false, hintsTwice: false, answersLost: false });
      const hearing = this.hearing.get(balancer)!;
      if (hearing.isDeaf || hearing.lacksHints)
        Object.assign(hearing, { isDeaf: false, lacksHints: false, since: this.now });
    }
  }

  /**
   * Its process is another one. Where that reaches others than the one before it, it is those that tell it of credits which balancers may have
   * that it does not reach, as far as they have heard of them: here all have.
   */
  startAnew(reporter: Reporter): void {
    const isSettled = ({ isDeaf, since }: Hearing) => !isDeaf && since <= this.now - SETTLE;
    const isKnown =
      this.alive.every((each) => isSettled(this.hearing.get(each)!)) && this.clearedAt <= this.now - SETTLE;
    if (isKnown) reporter.startAnew();
  }

  clear(): void {
    this.world.memory.clear();
    this.clearedAt = this.now;
  }

  /** A copy that lacks the last order takes the store's place: its connections are new ones. */
  failOver(): void {
    this.world.memory.common.set("orders", this.#ordersBefore);
    this.clearedAt = this.now;
    for (const balancer of this.alive.filter((each) => !this.hearing.get(each)!.isDeaf)) {
      balancer.store.fault({ lost: true });
      balancer.store.fault({ lost: false });
    }
  }

  order(reporter: Reporter, balancer: Balancer | undefined, drain: boolean): void {
    const { name } = reporter;
    if (balancer?.registry.standingOf(name) === undefined) return;
    const { ordering } = balancer.registry;
    if (ordering.all().has(name) === drain) return; // it is in force there
    const order = { number: ++this.#ordered, drain };
    this.#ordersBefore = new Map(this.world.memory.common.get("orders"));
    this.orders.set(name, [...(this.orders.get(name) ?? []), order]);
    ordering.order(name, { state: drain ? "drain" : null }, String(order.number));
    this.onOrder(balancer, name, order);
  }

  close(): void {
    for (const reporter of this.reporters) reporter.close();
    this.world.close();
  }

  #report(): void {
    this.#reportedAt = this.now;
    for (const reporter of this.reporters.filter(({ lives }) => lives)) {
      if (reporter.balancers.length === 0 && this.alive.length > 0) reporter.connect(this.alive[0]!);
      reporter.report();
    }
  }

  #serve(): void {
    const { now } = this;
    const [kept, ended] = [[], []] as [Connection[], Connection[]];
    for (const each of this.#open) (this.#goesOn(each) ? kept : ended).push(each);
    for (const each of ended) each.pool.release(each.row, CLIENT, 100, 1_000, now);
    this.#open = kept;
    for (const balancer of this.alive) for (let n = this.random.below(CLIENTS + 1); n > 0; n--) this.#come(balancer);
  }

  #come(balancer: Balancer): void {
    const pool = balancer.pools.get("p")!;
    const row = pool.pick(CLIENT, [], this.now);
    if (row < 0) return;
    const until = this.now + this.random.below(STAY_MS);
    this.#open.push({ balancer, pool, row, name: pool.identity(row)!, until });
  }

  /** What is open after a lease in which its reporter has not heard of the balancer is not counted: here it ends then. */
  #goesOn({ balancer, name, until }: Connection): boolean {
    const reporter = this.reporters.find((each) => each.name === name)!;
    if (until <= this.now || reporter.diedAt !== null) return false;
    return reporter.linkedSince(balancer) !== null || this.now < (reporter.heard.get(balancer) ?? 0) + LEASE;
  }
}

const CLIENT = new Uint32Array(4);
