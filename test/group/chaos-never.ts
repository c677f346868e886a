/** What must never be in a group, whatever happens, as far as balancers can know better: looked for after each step. */
import assert from "node:assert/strict";
import { type Hearing, type Life, type Ordered, SETTLE } from "./chaos-life.ts";
import type { Reporter } from "./chaos-reporter.ts";
import { type Balancer, LEASE } from "./world.ts";

/** ms that a balancer may be silent until the others take it for gone. */
const TTL = 3_500;

/** What a balancer knows of a target's orders: the newest, and since when. */
interface Known {
  readonly number: number;
  readonly at: number;
}

export class Never {
  readonly #life: Life;
  /** By balancer and target's name. */
  readonly #orders = new Map<Balancer, Map<string, Known>>();
  /** Targets that a balancer has had from others when it became deaf: it is to keep them. */
  readonly #kept = new Map<Balancer, Set<string>>();

  constructor(life: Life) {
    this.#life = life;
    life.onLook = () => this.look();
    life.onOrder = (balancer, name, { number }) => this.#knows(balancer, name, number);
  }

  look(): void {
    for (const reporter of this.#life.reporters) {
      this.#aboveItsLimit(reporter);
      for (const balancer of this.#life.alive) {
        if (reporter.lives) this.#forgotten(balancer, reporter);
        if (reporter.diedAt !== null) this.#keptDead(balancer, reporter);
      }
    }
    for (const balancer of this.#life.alive) {
      this.#forgottenWhileDeaf(balancer);
      for (const [name, orders] of this.#life.orders) this.#orderLost(balancer, name, orders);
    }
    this.#ordersUnknown();
  }

  #aboveItsLimit({ name, limit }: Reporter): void {
    const open = this.#life.openOf(name);
    assert.ok(open <= limit, `${name} has ${open} connections, of ${limit}`);
  }

  /** Its reporter speaks to somebody, and has for long enough that all know. */
  #forgotten(balancer: Balancer, reporter: Reporter): void {
    const isSettled = (since: number | null) => since !== null && since <= this.#life.now - SETTLE;
    const isKnown = this.#life.alive.some((voucher) => {
      if (!isSettled(reporter.linkedSince(voucher))) return false;
      return voucher === balancer || (this.#hears(voucher) && this.#hears(balancer));
    });
    if (!isKnown || reporter.says.health === "down" || !isSettled(reporter.saysSince)) return;
    const state = stateOf(balancer, reporter.name);
    assert.ok(state !== null && state !== "down", `${reporter.name} lives, and is ${state} at ${balancer.name}`);
  }

  #forgottenWhileDeaf(balancer: Balancer): void {
    const { isDeaf } = this.#hearingOf(balancer);
    if (!isDeaf) this.#kept.set(balancer, new Set(this.#fromOthers(balancer)));
    else
      for (const name of this.#kept.get(balancer) ?? []) {
        const reporter = this.#life.reporters.find((each) => each.name === name)!;
        if (reporter.heard.has(balancer)) continue; // it has its own word for it
        const state = stateOf(balancer, name);
        assert.ok(state !== null && state !== "down", `${name} is ${state} at ${balancer.name}, which hears nothing`);
      }
  }

  *#fromOthers(balancer: Balancer): Generator<string> {
    for (const { name, heard } of this.#life.reporters) {
      const state = stateOf(balancer, name);
      if (!heard.has(balancer) && state !== null && state !== "down") yield name;
    }
  }

  /** Nobody can have a word for it that counts any more. */
  #keptDead(balancer: Balancer, { name, heard }: Reporter): void {
    if (!this.#hears(balancer)) return;
    const { now } = this.#life;
    for (const [voucher, at] of heard) if (now <= this.#wordEnds(voucher, at + LEASE, balancer)) return;
    const state = stateOf(balancer, name);
    assert.ok(state !== "up" && state !== "suspect", `${name} is dead, and ${state} at ${balancer.name}`);
  }

  /** When that balancer at last drops what the voucher, in which its lease has ended then, has said of a target. */
  #wordEnds(voucher: Balancer, lease: number, balancer: Balancer): number {
    if (voucher === balancer) return lease + STEPS;
    const hearing = this.#hearingOf(voucher);
    const gone = this.#life.goneAt.get(voucher);
    const heardAnew = this.#hearingOf(balancer).since;
    // The others notice its absence, and keep what it said for a lease; when it is back they have what it wrote last, until it writes anew.
    if (gone !== undefined) return Math.max(lease, gone + TTL + LEASE, heardAnew + TTL + LEASE) + SETTLE;
    if (hearing.isDeaf) return Math.max(lease, hearing.since + TTL + LEASE, heardAnew + TTL + LEASE) + SETTLE;
    return Math.max(lease, hearing.since, heardAnew) + SETTLE;
  }

  /** An older order than what it knew is in force there, or none. */
  #orderLost(balancer: Balancer, name: string, orders: readonly Ordered[]): void {
    const known = this.#knownOf(balancer, name);
    const shown = balancer.registry.ordering.all().get(name);
    const possible = orders.filter(({ number }) => number >= known);
    if (shown === undefined && known === 0) return;
    const found = possible.find(({ number, drain }) => (shown ? String(number) === shown.by : !drain));
    assert.ok(found, `${balancer.name} knew order ${known} of ${name}, and has ${shown?.by ?? "none"}`);
    if (found.number > known) this.#knows(balancer, name, found.number);
  }

  /** One has known for long of an order that another one, which hears, has not. */
  #ordersUnknown(): void {
    const { alive, orders, now } = this.#life;
    const hearing = alive.filter((balancer) => this.#hears(balancer) && !this.#hearingOf(balancer).lacksHints);
    for (const [name, all] of orders) {
      const settled = hearing.flatMap((balancer) => this.#orders.get(balancer)?.get(name) ?? []);
      const newest = Math.max(0, ...settled.filter(({ at }) => at <= now - SETTLE).map(({ number }) => number));
      for (const balancer of hearing) {
        const shown = balancer.registry.ordering.all().get(name);
        const isThere =
          newest === 0 ||
          (shown ? Number(shown.by) >= newest : all.some((each) => !each.drain && each.number >= newest));
        assert.ok(isThere, `${balancer.name} does not know order ${newest} of ${name}: it has ${shown?.by ?? "none"}`);
      }
    }
  }

  /** It has heard everything for long enough to know what all know. */
  #hears(balancer: Balancer): boolean {
    const { isDeaf, since } = this.#hearingOf(balancer);
    return !isDeaf && Math.max(since, this.#life.clearedAt) <= this.#life.now - SETTLE;
  }

  #hearingOf(balancer: Balancer): Hearing {
    return this.#life.hearing.get(balancer)!;
  }

  #knownOf(balancer: Balancer, name: string): number {
    return this.#orders.get(balancer)?.get(name)?.number ?? 0;
  }

  #knows(balancer: Balancer, name: string, number: number): void {
    const all = this.#orders.get(balancer) ?? new Map<string, Known>();
    this.#orders.set(balancer, all.set(name, { number, at: this.#life.now }));
  }
}

/** ms: leases end when they are looked at. */
const STEPS = 1_500;

function stateOf(balancer: Balancer, name: string): string | null {
  return balancer.pools.get("p")?.view(name)?.state ?? null;
}
