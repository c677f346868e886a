/** Which of the others' words on a target counts here: of several balancers that vouch for it, the latest one's. */
import type { SharedTarget } from "../targets/shared-target.ts";
import type { Member, Vouched } from "./members.ts";

/** Where targets are taken in: the registry. */
export interface Taker {
  /** Gives why it cannot be used here, or null. */
  take(name: string, target: SharedTarget): string | null;
  drop(name: string): void;
  has(name: string): boolean;
}

export interface OffersOptions {
  readonly members: ReadonlyMap<string, Member>;
  readonly taker: Taker;
  /** Why a target that balancer vouches for cannot be reached from here, whatever else is said; null: it can. */
  readonly unreachable: (member: Member, vouched: Vouched) => string | null;
  /** One cannot be used here; told once for each reason. */
  readonly onRefused: (name: string, by: Member, why: string) => void;
}

export class Offers {
  readonly #options: OffersOptions;
  #hasBegun = false;
  /** By name, whose word counts, as it was. */
  readonly #inForce = new Map<string, { readonly member: string; readonly text: string }>();
  /** By name, why none can be used. */
  readonly #refused = new Map<string, string>();
  /** Of targets that have left by their own word: what the others had said until then. */
  readonly #past = new Map<string, ReadonlySet<string>>();

  constructor(options: OffersOptions) {
    this.#options = options;
  }

  /** What the others say of these has changed. */
  look(names: Iterable<string>): void {
    if (this.#hasBegun) for (const name of names) this.#look(name);
  }

  /** There are pools, which take targets in from now on. Idempotent. */
  begin(): void {
    if (this.#hasBegun) return;
    this.#hasBegun = true;
    for (const { records } of this.#options.members.values()) this.look(records.keys());
  }

  /** There may be other pools, or other addresses of this balancer's own: those that are not taken in are offered again. */
  again(): void {
    const { taker } = this.#options;
    const lost = [...this.#inForce.keys()].filter((name) => !taker.has(name));
    for (const name of lost) this.#inForce.delete(name);
    this.look([...lost, ...this.#refused.keys()]);
  }

  /** Its reporter has said here that it leaves: what the others say of it does not count until they say something else. */
  left(name: string): void {
    const texts = [...this.#words(name)].map(([, { text }]) => text);
    this.#inForce.delete(name);
    this.#past.set(name, new Set(texts));
  }

  #look(name: string): void {
    const { taker, onRefused, unreachable } = this.#options;
    const best = this.#best(name);
    const before = this.#inForce.get(name);
    if (best === null) {
      this.#refused.delete(name);
      if (this.#inForce.delete(name)) taker.drop(name);
      return;
    }
    const [member, { text, written }] = best;
    if (before?.member === member.id && before.text === text) return;
    const why = unreachable(member, best[1]) ?? taker.take(name, { ...written, by: member.word.name });
    if (why === null) {
      this.#refused.delete(name);
      this.#inForce.set(name, { member: member.id, text });
      return;
    }
    if (this.#inForce.delete(name)) taker.drop(name);
    if (this.#refused.get(name) !== why) onRefused(name, member, why);
    this.#refused.set(name, why);
  }

  #best(name: string): [member: Member, vouched: Vouched] | null {
    let best: [Member, Vouched] | null = null;
    const past = this.#past.get(name);
    let isPast = false;
    for (const [member, vouched] of this.#words(name)) {
      if (past?.has(vouched.text)) isPast = true;
      else if (best === null || vouched.written.at > best[1].written.at) best = [member, vouched];
    }
    if (!isPast) this.#past.delete(name);
    return best;
  }

  *#words(name: string): Generator<[member: Member, vouched: Vouched]> {
    for (const member of this.#options.members.values()) {
      const vouched = member.records.get(name);
      if (vouched !== undefined) yield [member, vouched];
    }
  }
}
