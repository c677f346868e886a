/** A common section as one balancer knows it: of each name the newest value holds. What the parts that share such values have in common. */
import { isAhead } from "../util/ahead.ts";
import type { HarmonyError } from "../util/errors.ts";
import type { PartKind } from "./hint.ts";
import type { Part, Turn } from "./part.ts";
import { refusalIn } from "./refusal.ts";
import { holdsOver } from "./stamped.ts";
import type { CommonSection, GroupStore, Stamped } from "./store.ts";

/** Values that are removed from the store in one turn: it does nothing else meanwhile. */
const DISCARDED_AT_ONCE = 1_000;

export interface StampTerms {
  readonly kind: PartKind;
  readonly section: CommonSection;
  /** Values that are known at a time, spent ones as well. */
  readonly most: number;
  /**
   * It says nothing that is in force any more, and may go: after `spentMs`, and the oldest of more than `mostSpent` before that, of which those that
   * are dated ahead are the first: nobody can have written them so but a store whose clock was wrong, or who forges them.
   */
  readonly isSpent: (text: string) => boolean;
  readonly spentMs: number;
  readonly mostSpent: number;
  /** Another balancer's word. False: it is none that this version understands, and is left alone. */
  readonly heed: (name: string, text: string) => boolean;
  /** This balancer's own was stamped by a clock that is ahead, and has another time now. */
  readonly onRedated?: (name: string, text: string, at: number) => void;
}

export class SharedStamps implements Part {
  readonly kind: PartKind;
  onDue: () => void = () => undefined;
  readonly #terms: StampTerms;
  /** The newest that is known of each name. */
  readonly #known = new Map<string, Stamped>();
  /** Those that the store may not have. */
  readonly #unwritten = new Map<string, Stamped>();
  /** Those that the store is to have no longer, as they were. */
  #leaving = new Map<string, Stamped>();
  #isRead = false;
  /** The next read is to find out what the store lacks, too. */
  #isToCompare = false;

  constructor(terms: StampTerms) {
    this.kind = terms.kind;
    this.#terms = terms;
  }

  /** That holds here already, and is written where the others have nothing newer. `at`: ms since 1970. */
  keeps(name: string, text: string, at: number): void {
    this.#note(name, { text, at });
  }

  /** That holds from now on, over all that this balancer knows. */
  says(name: string, text: string, at: number): void {
    this.#note(name, { text, at: Math.max(at, (this.#known.get(name)?.at ?? 0) + 1) });
    this.onDue();
  }

  /** The store may have forgotten everything. */
  forgotten(): void {
    for (const [name, stamped] of this.#known) this.#unwritten.set(name, stamped);
  }

  /**
   * What the store lacks is looked for where everything is looked at, and not for each hint (`by` another balancer): of what it never takes, the hints
   * of several would call for each other without end.
   */
  stale(_asks?: boolean, by?: string): void {
    this.#isRead = false;
    this.#isToCompare ||= by === undefined;
  }

  /** What the store does not take is no reason not to read what it has. */
  async share({ store, hint, now }: Pick<Turn, "store" | "hint" | "now">): Promise<void> {
    const refused = this.#unwritten.size > 0 ? await this.#write(store, hint) : null;
    if (!this.#isRead) {
      this.#isRead = true; // a hint that comes meanwhile may be of what is not in the answer
      await this.#read(store, now);
    }
    if (this.#leaving.size > 0) await this.#discard(store);
    if (refused !== null) throw refused;
  }

  async #write(store: GroupStore, hint: string): Promise<HarmonyError | null> {
    const values = new Map(this.#unwritten);
    return await refusalIn(async () => {
      const redated = await store.stamp(this.#terms.section, values, hint);
      for (const [name, value] of values) {
        const at = redated.get(name);
        if (at !== undefined && this.#known.get(name) === value) this.#redate(name, value, at);
        if (this.#unwritten.get(name) === value) this.#unwritten.delete(name);
      }
    });
  }

  #redate(name: string, { text }: Stamped, at: number): void {
    this.#known.set(name, { text, at });
    this.#terms.onRedated?.(name, text, at);
  }

  async #read(store: GroupStore, now: number): Promise<void> {
    const { section, most, heed } = this.#terms;
    const isToCompare = this.#isToCompare;
    this.#isToCompare = false;
    const found = await store.readStamped(section);
    const leaving = this.#leavingOf(this.#newestOf(found, now), now);
    this.#leaving = new Map([...found].filter(([name]) => leaving.has(name)));
    for (const [name, stamped] of found) {
      const known = this.#known.get(name);
      const isNews = known === undefined ? !leaving.has(name) : holdsOver(stamped, known, now);
      if (!isNews || (known === undefined && this.#known.size >= most)) continue;
      if (!heed(name, stamped.text)) continue;
      this.#known.set(name, stamped);
      this.#unwritten.delete(name);
    }
    for (const name of leaving) if (!this.#unwritten.has(name)) this.#known.delete(name);
    if (isToCompare) this.#restore(found, now);
  }

  /** A copy that was behind may have taken the store's place. What leaves is not known here any more, and so does not come back. */
  #restore(found: ReadonlyMap<string, Stamped>, now: number): void {
    const lacking = [...this.#known].filter(([name, known]) => {
      const other = found.get(name);
      if (other === undefined) return true;
      // Both may hold over each other, where one is dated ahead of this clock: which does is the store's business.
      return holdsOver(known, other, now) && !holdsOver(other, known, now);
    });
    if (lacking.length === 0) return;
    for (const [name, stamped] of lacking) this.#unwritten.set(name, stamped);
    this.onDue();
  }

  #newestOf(found: ReadonlyMap<string, Stamped>, now: number): Map<string, Stamped> {
    const all = new Map(found);
    for (const [name, known] of this.#known) {
      const other = all.get(name);
      if (other === undefined || !holdsOver(other, known, now)) all.set(name, known);
    }
    return all;
  }

  /**
   * Of these, the spent ones that have been kept for long enough, and the oldest of too many. All that is known or found is judged, so that nobody
   * writes again what another one has removed.
   */
  #leavingOf(all: ReadonlyMap<string, Stamped>, now: number): Set<string> {
    const { isSpent, spentMs, mostSpent } = this.#terms;
    const spent = [...all].filter(([, { text }]) => isSpent(text));
    const time = ({ at }: Stamped) => (isAhead(at, now) ? 0 : at);
    if (spent.length > mostSpent) spent.sort(([, one], [, other]) => time(other) - time(one));
    const leaving = spent.filter(([, { at }], index) => index >= mostSpent || now - at > spentMs);
    return new Set(leaving.map(([name]) => name));
  }

  async #discard(store: GroupStore): Promise<void> {
    const values = new Map([...this.#leaving].slice(0, DISCARDED_AT_ONCE));
    await store.discard(this.#terms.section, values);
    for (const name of values.keys()) this.#leaving.delete(name);
  }

  #note(name: string, stamped: Stamped): void {
    this.#known.set(name, stamped);
    this.#unwritten.set(name, stamped);
  }
}
