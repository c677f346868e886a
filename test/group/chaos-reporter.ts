/** A server and its reporter in the chaos of a group: it speaks to some of the balancers, and issues credits of its limit to all of them. */
import { Agreement, type Seat } from "../../src/control/client/agreement.ts";
import type { Report, TargetOwner } from "../../src/targets/report.ts";
import type { Clock } from "../../src/util/clock.ts";
import { type Balancer, LEASE, REPORT, reporterAt } from "./world.ts";

/** Where balancers are: at each place one at a time, and after it another one. */
export interface Places {
  readonly count: number;
  of(balancer: Balancer): number;
}

/** One balancer that it speaks to. */
interface Link {
  readonly owner: TargetOwner;
  readonly since: number;
}

type Said = Pick<Report, "weight" | "health" | "drain">;

export class Reporter {
  readonly name: string;
  readonly host: string;
  readonly limit: number;
  says: Said = { weight: 5, health: "up", drain: false };
  saysSince: number;
  /** By balancer, its last report there. */
  readonly heard = new Map<Balancer, number>();
  hasLeft = false;
  /** When it died without a word, and its server with it. */
  diedAt: number | null = null;
  readonly #clock: Clock;
  readonly #links = new Map<Balancer, Link>();
  readonly #places: Places;
  #agreement!: Agreement;
  #seats: Seat[] = [];
  #instance = 0;

  constructor(n: number, places: Places, clock: Clock) {
    this.host = `10.0.0.${n + 1}`;
    this.name = `p/${this.host}:80`;
    this.limit = 1 + n * 2;
    this.#clock = clock;
    this.#places = places;
    this.saysSince = clock.now();
    this.startAnew();
  }

  get lives(): boolean {
    return !this.hasLeft && this.diedAt === null;
  }

  get balancers(): Balancer[] {
    return [...this.#links.keys()].filter(({ isAlive }) => isAlive);
  }

  /** Since when they have spoken; null: they do not. */
  linkedSince(balancer: Balancer): number | null {
    return balancer.isAlive ? (this.#links.get(balancer)?.since ?? null) : null;
  }

  /** At once, as a reporter does whose server says so. */
  say(says: Said): void {
    this.says = says;
    this.saysSince = this.#clock.now();
    if (this.lives) this.report();
  }

  /** Another process in the place of the one that there was: it does not know what that one has issued. */
  startAnew(): void {
    if (!this.lives) return;
    for (const balancer of [...this.#links.keys()]) this.lose(balancer);
    this.#agreement?.close();
    this.#instance++;
    this.#agreement = new Agreement({
      limits: [this.limit],
      balancers: this.#places.count,
      clock: this.#clock,
      onDue: (place) => this.#reportTo(place),
    });
    this.#seats = Array.from({ length: this.#places.count }, (_, place) => this.#agreement.seat(place));
  }

  connect(balancer: Balancer): void {
    if (!this.lives || this.#links.has(balancer)) return;
    const seat = this.#seats[this.#places.of(balancer)]!;
    const usage = (ref: number, active: number, waiting: number) => {
      if (this.linkedSince(balancer) !== null) seat.told({ ref, active, waiting });
      return true;
    };
    this.#links.set(balancer, { owner: { ...reporterAt(this.host), usage }, since: this.#clock.now() });
    seat.connected({ lease: LEASE, instance: balancer.name });
    this.#report(balancer);
  }

  /** The connection is gone, without a word. `isFelt`: the balancer is told so by its machine. */
  lose(balancer: Balancer, isFelt = true): void {
    const link = this.#links.get(balancer);
    if (link === undefined) return;
    this.#links.delete(balancer);
    this.#seats[this.#places.of(balancer)]!.lost();
    if (isFelt && balancer.isAlive) balancer.registry.lost(link.owner);
  }

  /** A last report arrives, and its answer does not. */
  cut(balancer: Balancer): void {
    if (this.linkedSince(balancer) === null) return;
    this.#report(balancer, false);
    this.lose(balancer);
  }

  report(): void {
    // Where nobody listens that is known as well.
    for (const [place, seat] of this.#seats.entries()) if (this.#at(place) === undefined) seat.lost();
    for (const balancer of this.balancers) this.#report(balancer);
  }

  leave(): void {
    if (!this.lives) return;
    for (const balancer of this.balancers) balancer.registry.leave(this.#links.get(balancer)!.owner);
    this.#end();
    this.hasLeft = true;
  }

  /** With its server. `isFelt`: its connections end; else its machine is gone, and nobody is told. */
  die(isFelt: boolean): void {
    if (!this.lives) return;
    this.diedAt = this.#clock.now();
    for (const balancer of [...this.#links.keys()]) this.lose(balancer, isFelt);
    this.#end();
  }

  close(): void {
    this.#end();
  }

  #end(): void {
    this.#agreement.close();
    this.#links.clear();
  }

  #at(place: number): Balancer | undefined {
    return this.balancers.find((balancer) => this.#places.of(balancer) === place);
  }

  #reportTo(place: number): void {
    const balancer = this.#at(place);
    if (balancer !== undefined) this.#report(balancer);
  }

  #report(balancer: Balancer, isAnswered = true): void {
    const { owner } = this.#links.get(balancer)!;
    const { said, taken } = this.#seats[this.#places.of(balancer)]!.terms(0);
    const own = { maxConnections: this.limit, instance: `${this.host}-${this.#instance}` };
    const answer = balancer.registry.report(owner, { ...REPORT, ...this.says, ...own, ...said }, this.host);
    this.heard.set(balancer, this.#clock.now());
    if (isAnswered) taken(answer);
  }
}
