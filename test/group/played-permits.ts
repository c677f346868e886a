/** Balancers that share a pool's permits: the real part of the group, and pools that are numbers, over a store in memory and a clock that is moved. */
import type { Member } from "../../src/group/members.ts";
import type { PermitPool } from "../../src/group/pool-permits.ts";
import { SharedPermits } from "../../src/group/shared-permits.ts";
import { SAY_MS } from "../../src/group/times.ts";
import type { Cancel, Clock } from "../../src/util/clock.ts";
import { ManualClock } from "../support/clock.ts";
import { GroupMemory, type MemoryStore } from "../support/group-store.ts";
import { settle } from "../support/wait.ts";
import { memberWith } from "./members-of.ts";

export const LEASE = 10_000;
const STEP = 50;
const POOL = "p";

/** As a process sees it that may be stopped for a while: what falls due meanwhile is done when it goes on. */
class ProcessClock implements Clock {
  readonly #clock: Clock;
  readonly #missed = new Set<() => void>();
  isStopped = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  now(): number {
    return this.#clock.now();
  }

  after(ms: number, run: () => void): Cancel {
    const due = () => (this.isStopped ? void this.#missed.add(run) : run());
    const cancel = this.#clock.after(ms, due);
    return () => {
      cancel();
      this.#missed.delete(run);
    };
  }

  goOn(): void {
    this.isStopped = false;
    const missed = [...this.#missed];
    this.#missed.clear();
    for (const run of missed) run();
  }
}

export class PlayedBalancer implements PermitPool {
  readonly id: string;
  readonly store: MemoryStore;
  readonly options: { concurrency: number; queue: number };
  readonly permits: SharedPermits;
  readonly warnings: string[] = [];
  readonly #clock: ProcessClock;
  readonly #members: ReadonlyMap<string, Member>;
  active = 0;
  waiting = 0;
  /** Clients that found neither a permit nor a place in the queue, so far. */
  refused = 0;
  isLeaving = false;
  isAlive = true;
  /** When it could ask the store last. */
  heardAt: number;
  #isDue = false;
  #isBusy = false;
  #isConnected = false;
  #turnAt = Number.NEGATIVE_INFINITY;

  constructor(
    id: string,
    { clock, memory, limit, queue, members }: Pick<PlayedGroup, "clock" | "memory" | "limit" | "queue" | "members">,
  ) {
    this.id = id;
    this.#members = members;
    this.#clock = new ProcessClock(clock);
    this.heardAt = clock.now();
    this.options = { concurrency: limit, queue };
    this.store = memory.open();
    const pools = new Map<string, PermitPool>([[POOL, this]]);
    this.permits = new SharedPermits({
      id,
      clock: this.#clock,
      lease: LEASE,
      pools,
      refused: () => this.refused,
      onPart: () => this.#admit(),
      onWarning: (message) => this.warnings.push(message),
    });
    this.permits.onDue = () => {
      this.#isDue = true;
    };
    this.store.onHint = () => {
      this.permits.stale();
      this.#isDue = true;
    };
    this.store.onConnected = () => {
      this.#isConnected = true;
      this.permits.reconnected();
      this.#isDue = true;
    };
    this.#admit();
  }

  /** That may be open here. */
  get part(): number {
    const { concurrency } = this.options;
    return concurrency <= 0 ? concurrency : Math.min(concurrency, this.permits.part(POOL, concurrency));
  }

  come(clients: number): void {
    this.waiting += clients;
    this.#admit();
  }

  /** As SIGSTOP does: who is served stays so, and whoever comes waits in the kernel. */
  hang(): void {
    this.#clock.isStopped = true;
  }

  goOn(): void {
    this.#clock.goOn();
    this.#admit();
  }

  /** So many are over, of those that are open and, without `only`, those that wait. */
  go(clients: number, only = true): void {
    if (this.#clock.isStopped) return;
    this.active -= Math.min(clients, this.active);
    if (!only) this.waiting = 0;
    this.#admit();
  }

  /** One that is served has been, and another one comes. */
  next(): void {
    this.go(1);
    this.come(1);
  }

  limit(limit: number): void {
    this.options.concurrency = limit;
    this.#admit();
  }

  turn(): void {
    if (this.#isBusy || !this.isAlive || !this.#isConnected || this.#clock.isStopped) return;
    if (!this.#isDue && this.#clock.now() < this.#turnAt + SAY_MS) return;
    this.#isDue = false;
    this.#turnAt = this.#clock.now();
    void this.#share();
  }

  /** As kill -9 does: its clients lose their connections. */
  kill(): void {
    this.isAlive = false;
    void this.store.close();
    void this.permits.end(this.#turn).catch(() => undefined);
    this.active = 0;
    this.waiting = 0;
  }

  /** Its clients have gone. */
  async close(): Promise<void> {
    this.active = 0;
    this.waiting = 0;
    await this.permits.end(this.#turn);
    this.kill();
  }

  get #turn() {
    const { store, id, isLeaving } = this;
    return { store, id, isLeaving, members: this.#members, hint: "hint", now: this.#clock.now() };
  }

  async #share(): Promise<void> {
    this.#isBusy = true;
    try {
      await this.permits.share(this.#turn);
      this.heardAt = this.#clock.now();
    } catch {
      // It tries again.
    }
    this.#isBusy = false;
  }

  #admit(): void {
    if (this.#clock.isStopped) return;
    const room = Math.max(0, Math.min(this.waiting, this.part - this.active));
    this.active += room;
    this.waiting -= room;
    const tooMany = Math.max(0, this.waiting - this.options.queue);
    this.waiting -= tooMany;
    this.refused += tooMany;
  }
}

export class PlayedGroup {
  readonly clock = new ManualClock(1_000_000);
  readonly memory = new GroupMemory(this.clock);
  readonly balancers: PlayedBalancer[] = [];
  /** All that there have been, as each of them knows them. */
  readonly members = new Map<string, Member>();
  readonly limit: number;
  /** Places in it. */
  readonly queue: number;
  /** Open connections of all, seen at any time. */
  most = 0;
  #started = 0;

  constructor(limit: number, queue = 1_000) {
    this.limit = limit;
    this.queue = queue;
  }

  start(): PlayedBalancer {
    const id = `b${this.#started++}`;
    const balancer = new PlayedBalancer(id, this);
    this.members.set(id, memberWith(id));
    this.balancers.push(balancer);
    return balancer;
  }

  /** Another one is in the place of that one, which is killed if it is still there. */
  restart(at: number): void {
    const before = this.balancers[at]!;
    if (before.isAlive) before.kill();
    this.start();
    this.balancers.splice(at, 1, this.balancers.pop()!);
  }

  get open(): number {
    return this.balancers.reduce((sum, { active }) => sum + active, 0);
  }

  async pass(ms: number, each: () => void = () => undefined): Promise<void> {
    for (let left = ms; left > 0; left -= STEP) {
      each();
      this.most = Math.max(this.most, this.open);
      this.clock.advance(STEP);
      for (const balancer of this.balancers) balancer.turn();
      await settle(12);
      this.most = Math.max(this.most, this.open);
    }
  }

  /** Of that store, or of all. */
  async lose(
    ms: number,
    store: Pick<MemoryStore, "fault"> = this.memory,
    each: () => void = () => undefined,
  ): Promise<void> {
    store.fault({ lost: true });
    await this.pass(ms, each);
    store.fault({ lost: false });
    await settle(); // they hear that they are connected before they ask
  }

  end(): void {
    for (const balancer of this.balancers) if (balancer.isAlive) balancer.kill();
  }
}
