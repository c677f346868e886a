/**
 * Which of the others' words on a target counts here: of several balancers that vouch for it, the latest one's, and none that is of a key which
 * has been revoked, as one that hangs cannot take back what it has written.
 */
import type { SharedTarget } from "../targets/shared-target.ts";
import type { Cancel, Clock } from "../util/clock.ts";
import type { Member, Vouched } from "./members.ts";
import type { Written } from "./record.ts";

/** In place of a reason: it is not refused, and will be offered again. */
export const WAITING = "";
/** Reasons that are told: where there are more, what is wrong is clear by then. */
const MOST_TOLD = 100;
/** ms. */
const GATHER_MS = 20;

/** Where targets are taken in: the registry. */
export interface Taker {
  /** Gives why it cannot be used here, WAITING, or null. Where it cannot, what was taken before is still to be dropped. */
  take(name: string, target: SharedTarget): string | null;
  drop(name: string): void;
  has(name: string): boolean;
}

export interface OffersOptions {
  readonly clock: Clock;
  readonly members: ReadonlyMap<string, Member>;
  readonly taker: Taker;
  /** Whether the key with that fingerprint has been. */
  readonly isRevoked: (fingerprint: string) => boolean;
  /** Why a target that balancer vouches for cannot be reached from here, whatever else is said; null: it can. */
  readonly unreachable: (member: Member, vouched: Vouched) => string | null;
  /** One cannot be used here, and there may be others; told once for each balancer and reason. */
  readonly onRefused: (name: string, by: Member, why: string) => void;
}

export class Offers {
  readonly #options: OffersOptions;
  #hasBegun = false;
  #judging: Cancel | null = null;
  /** By name, whose word counts, as it was. */
  readonly #inForce = new Map<string, { readonly member: string; readonly vouched: Vouched }>();
  /** By name of a target that cannot be used: whose word that is, and why. */
  readonly #refused = new Map<string, string>();
  /** How many there are for each of these. */
  readonly #counts = new Map<string, number>();
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

  /** More keys have been revoked. Thousands may be at a time, each of which is told: they are looked at together. */
  revoked(): void {
    this.#judging ??= this.#options.clock.after(GATHER_MS, () => {
      this.#judging = null;
      const inForce = [...this.#inForce];
      this.look(inForce.filter(([, { vouched }]) => this.#isRevoked(vouched)).map(([name]) => name));
    });
  }

  /** Its reporter has said here that it leaves: what the others say of it does not count until they say something else. */
  left(name: string): void {
    const texts = [...this.#words(name)].map(([, { text }]) => text);
    this.#inForce.delete(name);
    this.#past.set(name, new Set(texts));
  }

  #look(name: string): void {
    const { taker, unreachable } = this.#options;
    const best = this.#best(name);
    const before = this.#inForce.get(name);
    if (best === null) {
      this.#accepted(name);
      if (this.#inForce.delete(name)) taker.drop(name);
      return;
    }
    const [member, vouched] = best;
    const { text, written } = vouched;
    if (before?.member === member.id && before.vouched.text === text) return;
    const why = unreachable(member, vouched) ?? taker.take(name, { ...written, by: member.word.name });
    if (why === null) {
      this.#accepted(name);
      this.#inForce.set(name, { member: member.id, vouched });
      return;
    }
    if (this.#inForce.delete(name)) taker.drop(name);
    this.#refuse(name, member, why);
  }

  /** Thousands may be refused for one reason: the first is told. */
  #refuse(name: string, member: Member, why: string): void {
    const about = `${member.id} ${why}`;
    if (this.#refused.get(name) === about) return;
    this.#accepted(name);
    this.#refused.set(name, about);
    const count = this.#counts.get(about) ?? 0;
    this.#counts.set(about, count + 1);
    if (count === 0 && why !== WAITING && this.#counts.size <= MOST_TOLD) this.#options.onRefused(name, member, why);
  }

  /** It is refused no more. */
  #accepted(name: string): void {
    const about = this.#refused.get(name);
    if (about === undefined) return;
    this.#refused.delete(name);
    const count = this.#counts.get(about)! - 1;
    if (count > 0) this.#counts.set(about, count);
    else this.#counts.delete(about);
  }

  /** The latest, of those with the key whose target it is already: holders of another one may have got its name at a balancer that could not know. */
  #best(name: string): [member: Member, vouched: Vouched] | null {
    const past = this.#past.get(name);
    const words = [...this.#words(name)];
    // That its reporter is lost there says nothing new of one that has left here.
    const isFresh = ({ text, written }: Vouched) => past === undefined || !(past.has(text) || written.isLost);
    const fresh = words.filter(([, vouched]) => isFresh(vouched));
    if (fresh.length === words.length) this.#past.delete(name);
    const key = this.#inForce.get(name)?.vouched.written.key;
    const kept = fresh.filter(([, { written }]) => written.key === key);
    return latest(kept.length > 0 ? kept : fresh);
  }

  *#words(name: string): Generator<[member: Member, vouched: Vouched]> {
    for (const member of this.#options.members.values()) {
      const vouched = member.records.get(name);
      if (vouched !== undefined && !this.#isRevoked(vouched)) yield [member, vouched];
    }
  }

  #isRevoked({ written: { fingerprint } }: Vouched): boolean {
    return fingerprint !== undefined && this.#options.isRevoked(fingerprint);
  }
}

function latest(
  words: readonly (readonly [member: Member, vouched: Vouched])[],
): [member: Member, vouched: Vouched] | null {
  let best: readonly [Member, Vouched] | null = null;
  for (const word of words) if (best === null || isLater(word[1].written, best[1].written)) best = word;
  return best && [...best];
}

/** Who hears the reporter knows more than who has lost it, whenever that was. */
function isLater(one: Written, other: Written): boolean {
  return one.isLost === other.isLost ? one.at > other.at : other.isLost === true;
}
