/**
 * Many balancers of one group in one process, with their real registries, pools and group code; reporters that call a registry where others
 * would send a report; and clients that are a pick and a release. What time it is depends on the store: see clock.
 */
import { type AlgorithmName, Pool } from "../../src/pool/pool.ts";
import type { TargetOwner } from "../../src/targets/report.ts";
import { Balancer, REPORT, reporterAt } from "../../test/group/world.ts";
import { type Asked, CountedStore } from "../../test/support/counted-store.ts";
import { Random } from "../../test/support/kernel/random.ts";
import type { StorePlace } from "./place.ts";

export const STEP_MS = 50;
const REPORT_MS = 10_000;
/** As long as a report counts by default. */
export const LEASE_MS = 30_000;
/** A reporter whose balancer is gone is at another one within this time. */
const RECONNECT_MS = 1_000;

export interface Size {
  readonly balancers: number;
  readonly reporters: number;
  readonly clients: number;
  readonly algorithm: AlgorithmName;
}

class Reporter {
  readonly host: string;
  readonly name: string;
  weight = 10;
  hasLeft = false;
  leftAt = Number.NEGATIVE_INFINITY;
  /** When it last left, or came from one balancer to another. */
  unsettledAt = Number.NEGATIVE_INFINITY;
  /** The balancers that it speaks to. */
  readonly owners = new Map<Member, TargetOwner>();
  readonly wanted: number;

  constructor(n: number, wanted: number) {
    this.host = `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`;
    this.name = `p/${this.host}:80`;
    this.wanted = wanted;
  }

  report(to: Member): void {
    to.registry.report(this.owners.get(to)!, { ...REPORT, weight: this.weight }, this.host);
  }
}

export type Member = Balancer<CountedStore>;

/** What clients have seen, of so many that came. */
export interface Seen {
  came: number;
  /** Of those, were asked for at two. */
  twice: number;
  /** Two balancers, asked at the same time, would have sent a client to different targets. */
  split: number;
  /** A client that came again got another target, though its former one was there. */
  moved: number;
  none: number;
}

export class Simulation {
  readonly size: Size;
  readonly random: Random;
  readonly place: StorePlace;
  readonly members: Member[] = [];
  readonly reporters: Reporter[];
  readonly seen: Seen = { came: 0, twice: 0, split: 0, moved: 0, none: 0 };
  /** Targets that a balancer took out though they live, each with the balancer. */
  readonly wronged: string[] = [];
  /** Not in agreement because of what is being done to it. */
  cut: Member | null = null;
  /** Changes that reporters make by themselves, a second. */
  changes = 0;
  isServing = false;
  /** ms from each change to the moment at which all know it, since this was emptied last. */
  lags: number[] = [];
  readonly #byName: ReadonlyMap<string, Reporter>;
  /** Those that have changed, and when: some balancer may not know it yet. */
  readonly #pending = new Map<Reporter, number>();
  readonly #due = new Map<number, (() => void)[]>();
  /** By client, the number of the reporter whose target it had last, or -1. */
  readonly #lastOf: Int32Array;
  readonly #numberOf: ReadonlyMap<string, number>;
  #steps = 0;
  #started = 0;

  constructor(size: Size, seed: number, place: StorePlace) {
    this.size = size;
    this.place = place;
    this.random = new Random(seed);
    this.reporters = Array.from({ length: size.reporters }, (_, n) => new Reporter(n, this.random.between(1, 2)));
    this.#byName = new Map(this.reporters.map((each) => [each.name, each]));
    this.#numberOf = new Map(this.reporters.map(({ name }, n) => [name, n]));
    this.#lastOf = new Int32Array(size.clients).fill(-1);
  }

  get now(): number {
    return this.place.clock.now();
  }

  /** ms until the newcomer has pools, and what the others know: until then it does not accept. */
  async start(): Promise<number> {
    const begun = this.now;
    const name = `b${this.#started++}`;
    const store = new CountedStore(await this.place.open());
    const options = {
      lease: LEASE_MS,
      poolOf: (pool: string) => poolOf(pool, this.size.reporters, this.size.algorithm),
    };
    const balancer = new Balancer({ clock: this.place.clock, store, name, id: name }, options);
    let isReady = false;
    void balancer.group.start().then(() => (isReady = true));
    while (!isReady) await this.step();
    balancer.open();
    this.members.push(balancer);
    return this.now - begun;
  }

  kill(member: Member): void {
    member.kill();
    this.members.splice(this.members.indexOf(member), 1);
    for (const reporter of this.reporters) {
      if (!reporter.owners.delete(member) || reporter.hasLeft) continue;
      this.#later(this.random.below(RECONNECT_MS), () => this.connect(reporter));
    }
  }

  /** To as many as it wants to speak to. */
  connect(reporter: Reporter): void {
    const wanted = Math.min(reporter.wanted, this.members.length);
    while (!reporter.hasLeft && reporter.owners.size < wanted) {
      const member = this.random.pick(this.members);
      if (!reporter.owners.has(member)) this.#connectTo(reporter, member);
    }
  }

  /** Reporters lose a balancer that is there, come to another one, and say something else there. */
  move(count: number, to?: Member): void {
    for (let n = 0; n < count; n++) {
      const reporter = this.random.pick(this.reporters);
      const from = this.random.pick([...reporter.owners.keys(), null]);
      if (from === null || this.#isUnsettled(reporter) || (to && reporter.owners.has(to))) continue;
      from.registry.lost(reporter.owners.get(from)!);
      reporter.owners.delete(from);
      reporter.unsettledAt = this.now;
      reporter.weight = (reporter.weight % 20) + 1;
      this.#pending.set(reporter, this.now);
      const others = this.members.filter((member) => member !== from && !reporter.owners.has(member));
      if (others.length > 0) this.#connectTo(reporter, to ?? this.random.pick(others));
    }
  }

  /** A reporter says something else than before, or restarts its server. */
  change(mayLeave = true): void {
    const reporter = this.random.pick(this.reporters);
    if (this.#isUnsettled(reporter)) return;
    if (mayLeave && this.random.chance(0.2)) {
      reporter.unsettledAt = this.now;
      for (const [member, owner] of reporter.owners) member.registry.leave(owner);
      reporter.owners.clear();
      reporter.hasLeft = true;
      reporter.leftAt = this.now;
      this.#later(5_000, () => {
        reporter.hasLeft = false;
        this.connect(reporter);
        this.#pending.set(reporter, this.now);
      });
    } else {
      reporter.weight = this.random.between(1, 20);
      for (const member of reporter.owners.keys()) reporter.report(member);
    }
    this.#pending.set(reporter, this.now);
  }

  async pass(ms: number): Promise<void> {
    for (const end = this.now + ms; this.now < end; ) await this.step();
  }

  async step(): Promise<void> {
    this.#steps++;
    for (const run of this.#due.get(this.#steps) ?? []) run();
    this.#due.delete(this.#steps);
    const turns = REPORT_MS / STEP_MS;
    for (let n = this.#steps % turns; n < this.reporters.length; n += turns) {
      const reporter = this.reporters[n]!;
      for (const member of reporter.owners.keys()) reporter.report(member);
    }
    if (this.random.chance((this.changes * STEP_MS) / 1_000)) this.change();
    if (this.isServing) this.#serve();
    await this.place.pass(STEP_MS);
    this.#look();
  }

  /** Whether everybody knows what changed between these. */
  isKnown(from: number, until: number): boolean {
    for (const changedAt of this.#pending.values()) if (changedAt >= from && changedAt <= until) return false;
    return true;
  }

  /** Whether each lists the others, and nobody else. */
  get areListed(): boolean {
    const names = this.members.map(({ name }) => name).sort();
    return this.members.every(({ group }) => {
      const present = group.view().members.filter(({ state }) => state === "present");
      return present.map(({ name }) => name).sort().join() === names.join(); // biome-ignore format: one thought
    });
  }

  /** All that any balancer knows otherwise than it is. */
  differences(): string[] {
    const found: string[] = [];
    for (const member of this.members)
      for (const reporter of this.reporters)
        if (!knows(member, reporter)) found.push(`${member.name} of ${reporter.name}`);
    return found;
  }

  /** Of all balancers together. */
  get asked(): Asked {
    const sum: Asked = { calls: 0, written: 0, read: 0, hints: 0, bytes: 0 };
    const names = Object.keys(sum) as (keyof Asked)[];
    for (const { store } of this.members) for (const name of names) sum[name] += store.asked[name];
    return sum;
  }

  close(): void {
    for (const member of this.members) member.kill();
  }

  #isUnsettled({ hasLeft, unsettledAt }: Reporter): boolean {
    return hasLeft || this.now < unsettledAt + 2 * LEASE_MS;
  }

  #connectTo(reporter: Reporter, member: Member): void {
    reporter.owners.set(member, reporterAt(reporter.host));
    reporter.report(member);
  }

  #later(ms: number, run: () => void): void {
    const at = this.#steps + 1 + Math.floor(ms / STEP_MS);
    this.#due.set(at, [...(this.#due.get(at) ?? []), run]);
  }

  /** Whether what has changed is known by now, and whether anybody was wronged. */
  #look(): void {
    for (const [reporter, changedAt] of this.#pending) {
      if (!this.members.every((member) => member === this.cut || knows(member, reporter))) continue;
      this.lags.push(this.now - changedAt);
      if (this.cut === null) this.#pending.delete(reporter);
    }
    for (const member of this.members) {
      for (const told of member.story) {
        const [event, name] = told.split(" ") as [string, string];
        const isOut = event === "targetDown" || event === "targetLeave";
        // Who has left and come back is rightly told to have left by those who hear of both late.
        if (isOut && this.#byName.get(name)!.leftAt + 2 * LEASE_MS < this.now)
          this.wronged.push(`${event} ${name} at ${member.name}`);
      }
      member.story.length = 0;
    }
  }

  #serve(): void {
    const { clients } = this.size;
    const here = this.random.pick(this.members);
    const there = this.random.pick(this.members);
    for (let n = Math.ceil(clients / 200); n > 0; n--) {
      const client = this.random.below(clients);
      const target = this.#pickAt(here, client);
      this.seen.came++;
      if (target === -1) this.seen.none++;
      if (there !== here && n % 10 === 0) {
        this.seen.twice++;
        if (this.#pickAt(there, client) !== target) this.seen.split++;
      }
      const before = this.#lastOf[client]!;
      if (before !== -1 && before !== target && !this.reporters[before]!.hasLeft) this.seen.moved++;
      this.#lastOf[client] = target;
    }
  }

  #pickAt(member: Member, client: number): number {
    const pool = member.pools.get("p")!;
    KEY[3] = Math.imul(client, 0x9e3779b1);
    const row = pool.pick(KEY, NONE, this.now);
    if (row < 0) return -1;
    const number = this.#numberOf.get(pool.identity(row))!;
    pool.release(row, KEY, 100, 1_000, this.now);
    return number;
  }
}

const KEY = new Uint32Array(4);
const NONE: readonly number[] = [];

function poolOf(name: string, maxTargets: number, algorithm: AlgorithmName): Pool {
  return Pool.create({ name, algorithm, persistent: null, concurrency: -1, queue: 0, maxTargets });
}

function knows(member: Member, { name, weight, hasLeft }: Reporter): boolean {
  const view = member.pools.get("p")!.view(name);
  if (hasLeft) return view === undefined;
  return view?.state === "up" && view.weight === weight;
}
