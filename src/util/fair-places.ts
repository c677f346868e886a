/** Somebody with a place. */
export interface Stranger {
  /** Its place has been given to another: its connection is dropped. */
  abort(): void;
}

/** Those who are counted together. */
class Group {
  readonly name: string;
  /** The oldest first; without those that have been refused. */
  readonly members = new Set<Stranger>();

  constructor(name: string) {
    this.name = name;
  }
}

/** Of the places, those that the refused may have: for long enough to read why, and so that the others have the rest. */
const SHARE_OF_REFUSED = 1 / 4;

/**
 * Places of whom nobody knows yet whether he is honest. When all are taken a newcomer is let in and another has to go, so that no
 * crowd keeps an honest one out by being there first: one that has been refused and only still reads why, or else the oldest of
 * the group that has the most. A crowd therefore never costs another group its place, and within its own it has to renew all places
 * within the time that an honest one needs his for.
 */
export class FairPlaces {
  readonly #places: number;
  readonly #groups = new Map<string, Group>();
  readonly #groupOf = new Map<Stranger, Group>();
  /** Groups by the number of their members; at the end are the largest. */
  readonly #bySize: Set<Group>[] = [];
  /** The oldest first. */
  readonly #refused = new Set<Stranger>();

  constructor(places: number) {
    this.#places = places;
  }

  get size(): number {
    return this.#groupOf.size + this.#refused.size;
  }

  /** How many groups somebody with a place is of. */
  get groups(): number {
    return this.#groups.size;
  }

  /** How many of a group have places, the refused left out. */
  sizeOf(group: string): number {
    return this.#groups.get(group)?.members.size ?? 0;
  }

  /** Admits somebody, and drops another where that is one too many; so also where his group would then have more than `most`. */
  add(stranger: Stranger, name: string, most = Number.POSITIVE_INFINITY): void {
    if (this.sizeOf(name) >= most) this.#drop(this.#groups.get(name)?.members);
    else if (this.size >= this.#places) this.#drop(this.#refused.size > 0 ? this.#refused : this.#largest());
    const group = this.#groups.get(name) ?? new Group(name);
    this.#resize(group, () => group.members.add(stranger));
    this.#groupOf.set(stranger, group);
  }

  /** He has been refused, and keeps his place while he reads why, and only while nobody else wants it. */
  refuse(stranger: Stranger): void {
    if (!this.#take(stranger)) return;
    if (this.#refused.size >= Math.ceil(this.#places * SHARE_OF_REFUSED)) this.#drop(this.#refused);
    this.#refused.add(stranger);
  }

  /** He needs his place no longer. Idempotent. */
  delete(stranger: Stranger): void {
    if (!this.#refused.delete(stranger)) this.#take(stranger);
  }

  /** In no particular order. */
  all(): Stranger[] {
    return [...this.#refused, ...this.#groupOf.keys()];
  }

  /** The first of them. */
  #drop(strangers: Iterable<Stranger> = []): void {
    const [first] = strangers;
    if (first === undefined) return;
    this.delete(first);
    first.abort();
  }

  #largest(): ReadonlySet<Stranger> | undefined {
    const [group] = this.#bySize.at(-1) ?? [];
    return group?.members;
  }

  /** Takes him from his group. False: he is in none. */
  #take(stranger: Stranger): boolean {
    const group = this.#groupOf.get(stranger);
    if (group === undefined) return false;
    this.#groupOf.delete(stranger);
    this.#resize(group, () => group.members.delete(stranger));
    return true;
  }

  #resize(group: Group, change: () => void): void {
    this.#bySize[group.members.size]?.delete(group);
    change();
    const { size } = group.members;
    if (size === 0) this.#groups.delete(group.name);
    else {
      this.#groups.set(group.name, group);
      while (this.#bySize.length <= size) this.#bySize.push(new Set());
      this.#bySize[size]!.add(group);
    }
    while (this.#bySize.at(-1)?.size === 0) this.#bySize.pop();
  }
}
