/**
 * Who may use how much of a target's `maxConnections`, where its reporter speaks to several balancers. Pure: time is passed in.
 *
 * The reporter issues credits: each report tells its balancer how many connections it may have there. What a balancer may have at most is
 * what counts as its own:
 *
 *     held = max(every share that may be in force there, the connections that it has told)
 *
 * A share may be in force from the moment its report is sent. A larger one before it is so no longer once a later report is answered, and the
 * answer tells how many connections there are still: those end when they end, and it opens no more while they are above the share. So the sum
 * of all that is held never exceeds the limit, if only what nobody holds is issued; and nobody has to be asked for a connection.
 *
 * A balancer that is lost, or has been started anew, holds what it held until the lease of the last report that may have reached it has run
 * out: until then it may open connections, and it opens none after that. Those that it still has by then are not known to anybody and are
 * not counted, until it is heard again. It is told by its instance that it is the same one as before.
 *
 * One that stops opens none from its goodbye on, and tells how many it has left until there is none: it holds those, and nothing else. Each
 * such word counts for a lease, so that one that is lost meanwhile holds what it told last.
 *
 * A reporter that has just started does not know what one before it has issued. It begins with nothing for anybody, until each balancer has
 * answered or cannot be reached. The answers tell what each of them could use `before`. If any did, there was another reporter, and those
 * that cannot be reached may have all the rest, until a lease after the start.
 */
import { divide } from "../../util/divide.ts";

/** Part of a lease by which clocks may drift apart meanwhile. */
const DRIFT = 1 / 100;
/** ms after the start in which each balancer should have answered, if it is there. */
const GATE_MS = 2_000;

/** A balancer, as one reporter has issued credits to it. */
interface Holder {
  isConnected: boolean;
  /** Drawn by the balancer at its start; null: it is none that knows of credits, or none has been connected yet. */
  instance: string | null;
  /** What the last report said. */
  share: number;
  /** Every share that may be in force is at most this. */
  most: number;
  active: number;
  waiting: number;
  /** Until when what it was told last may be in force. */
  until: number;
  lease: number;
  /** Of the last report. */
  number: number;
  /** It has answered a report. */
  isHeard: boolean;
  /** An attempt to reach it has failed. */
  isAway: boolean;
  /** What it could use when this reporter came, of a report that still counted; null: there was none. */
  before: number | null;
}

/** One in whose place another has come since, as it was; if it has said goodbye, as it is. */
type Former = Pick<Holder, "instance" | "most" | "active" | "until" | "lease">;

/** What a report says. */
export interface Issue {
  /** To be given back to answered(). */
  readonly number: number;
  readonly credits: number;
}

export class Credits {
  readonly #limit: number;
  readonly #startedAt: number;
  readonly #holders: readonly Holder[];
  #formers: Former[] = [];

  /** `limit`: 0 is none, so that everybody may use as many as he likes. `balancers`: how many there are. */
  constructor(limit: number, balancers: number, now: number) {
    this.#limit = limit;
    this.#startedAt = now;
    this.#holders = Array.from({ length: balancers }, () => holderOf(null, 0));
  }

  /** It is connected. `instance`: undefined is that of a balancer which does not know of credits. */
  connected(index: number, instance: string | undefined, lease: number, now: number): void {
    const holder = this.#holders[index]!;
    if (instance === undefined || instance !== holder.instance) {
      if (holder.until > now) this.#formers.push({ ...holder });
      const { number, isHeard, before } = holder;
      Object.assign(holder, holderOf(instance ?? null, lease), { number, isHeard, before });
    }
    Object.assign(holder, { isConnected: true, lease });
  }

  /** It is not, or could not be reached. */
  lost(index: number): void {
    Object.assign(this.#holders[index]!, { isConnected: false, isAway: true, waiting: 0 });
  }

  /** The report that is sent now, and may be in force from now on. */
  issue(index: number, now: number): Issue {
    const holder = this.#holders[index]!;
    const credits = this.#share(index, now);
    holder.share = credits;
    holder.most = Math.max(holder.until > now ? holder.most : 0, credits);
    holder.until = now + holder.lease * (1 + DRIFT);
    holder.number += 1;
    return { number: holder.number, credits };
  }

  /** The balancer has taken that report, and had so many connections then. */
  answered(index: number, { number, credits }: Issue, active: number, before: number | undefined): void {
    const holder = this.#holders[index]!;
    holder.active = active;
    if (!holder.isHeard) holder.before = before ?? null;
    holder.isHeard = true;
    if (number === holder.number) holder.most = credits;
  }

  /** It has told so by itself. */
  told(index: number, active: number, waiting: number): void {
    Object.assign(this.#holders[index]!, { active, waiting });
  }

  /** One of that instance has said goodbye, and tells that it has so many connections left: it opens none any more. */
  left(index: number, instance: string, active: number, now: number): void {
    const one = [this.#holders[index]!, ...this.#formers].find((each) => each.instance === instance);
    if (one === undefined) return;
    const until = active === 0 ? Number.NEGATIVE_INFINITY : now + one.lease * (1 + DRIFT);
    Object.assign(one, { share: active, most: active, active, until });
  }

  /** Whether it is to be told another share than the last report did. */
  isDue(index: number, now: number): boolean {
    const { isConnected, share } = this.#holders[index]!;
    return this.#limit > 0 && isConnected && this.#share(index, now) !== share;
  }

  /** What was issued to it and may be in force; null: nothing is divided. */
  issued(index: number, now: number): number | null {
    const holder = this.#holders[index]!;
    if (this.#limit === 0) return null;
    return holder.until > now ? holder.share : 0;
  }

  /** Connections that all others have, as far as they have told, and their word still counts. */
  elsewhere(index: number, now: number): number {
    const others = [...this.#holders.filter((_, i) => i !== index), ...this.#formers];
    return others.reduce((sum, { active, until }) => sum + (until > now ? active : 0), 0);
  }

  /** When something is to be looked at next that nobody tells; Infinity: never. */
  next(now: number): number {
    const times = [...this.#holders, ...this.#formers].map(({ until }) => until);
    if (this.#isStarting(now)) times.push(this.#startedAt + GATE_MS);
    if (this.#unheard > 0) times.push(this.#handover);
    return Math.min(...times.filter((time) => time > now && time < Number.POSITIVE_INFINITY), Number.POSITIVE_INFINITY);
  }

  /** What the next report to it is to say. One that does not know of credits is told a limit, of which 0 would be none at all. */
  #share(index: number, now: number): number {
    const goal = this.#goal(index, now);
    return this.#limit > 0 && this.#holders[index]!.instance === null ? Math.max(1, goal) : goal;
  }

  /** What it is to have: never more than is free. */
  #goal(index: number, now: number): number {
    if (this.#limit === 0 || this.#isStarting(now)) return 0;
    const connected = this.#holders.filter(({ isConnected }) => isConnected);
    const at = connected.indexOf(this.#holders[index]!);
    if (at < 0) return 0;
    this.#formers = this.#formers.filter(({ until }) => until > now);
    const held = (holders: readonly Holder[]) =>
      holders.reduce((sum, holder) => sum + (holder.until > now ? heldBy(holder) : 0), 0);
    const absent = this.#holders.filter(({ isConnected }) => !isConnected);
    const gone = held(absent) + this.#formers.reduce((sum, former) => sum + heldBy(former), 0) + this.#reserve(now);
    const goal = divide(connected.map(partyOf), Math.max(0, this.#limit - gone))[at]!;
    const free = Math.max(0, this.#limit - gone - held(connected));
    const own = this.#holders[index]!.until > now ? heldBy(this.#holders[index]!) : 0;
    return Math.min(goal, own + free);
  }

  get #unheard(): number {
    return this.#holders.filter(({ isHeard }) => !isHeard).length;
  }

  #isStarting(now: number): boolean {
    return now < this.#startedAt + GATE_MS && this.#holders.some(({ isHeard, isAway }) => !isHeard && !isAway);
  }

  /** When nothing counts any more that another reporter may have issued before the start. */
  get #handover(): number {
    return this.#startedAt + Math.max(...this.#holders.map(({ lease }) => lease)) * (1 + DRIFT);
  }

  /** What those that this reporter has not heard yet may have of another one. */
  #reserve(now: number): number {
    if (this.#unheard === 0 || now >= this.#handover) return 0;
    const known = this.#holders.flatMap(({ before }) => before ?? []);
    return known.length === 0 ? 0 : Math.max(0, this.#limit - known.reduce((sum, each) => sum + each, 0));
  }
}

function holderOf(instance: string | null, lease: number): Holder {
  return {
    isConnected: false,
    instance,
    share: 0,
    most: 0,
    active: 0,
    waiting: 0,
    until: Number.NEGATIVE_INFINITY,
    lease,
    number: 0,
    isHeard: false,
    isAway: false,
    before: null,
  };
}

function heldBy({ most, active }: Pick<Holder, "most" | "active">): number {
  return Math.max(most, active);
}

/** One that does not know of credits says nothing of those who wait: where it has none left, somebody may. */
function partyOf({ instance, share, active, waiting }: Holder) {
  return { share, active, waiting: instance === null && active >= share ? Math.max(1, waiting) : waiting };
}
