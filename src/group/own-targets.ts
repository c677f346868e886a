/** The targets of this balancer's own reporters, as they are written down for the others. */
import { type OwnTarget, recordOf, writeRecord } from "./record.ts";
import type { Changes } from "./store.ts";

/** What is to be written; its mark is the writer's. */
type OwnChanges = Omit<Changes, "mark">;

interface Own {
  /** Without the time at which it was written: what says the same is not written again. */
  readonly record: string;
  readonly text: string;
  /** The number of the writing that first had it; infinite: none has. */
  seq: number;
}

export class OwnTargets {
  readonly #own: (name: string) => OwnTarget | null;
  readonly #known = new Map<string, Own>();
  /** What their reporters say may be another thing now. */
  readonly #dirty = new Set<string>();
  readonly #draining = new Set<string>();
  /** The store has something else of them, or may have. */
  readonly #unwritten = new Set<string>();
  /** The store may have anything. */
  #anew = true;

  constructor(own: (name: string) => OwnTarget | null) {
    this.#own = own;
  }

  get size(): number {
    return this.#known.size;
  }

  changed(name: string): void {
    this.#dirty.add(name);
  }

  /** All of them are to be written. */
  forgotten(): void {
    this.#anew = true;
  }

  /** Whether any of them drains. */
  get areDraining(): boolean {
    return this.#draining.size > 0;
  }

  /** As of which writing the others can know what is said of it now; infinite: they cannot yet. `now`: ms since 1970. */
  seqOf(name: string, now: number): number {
    if (this.#dirty.delete(name)) this.#look(name, now);
    return this.#known.get(name)?.seq ?? 0;
  }

  /** What is to be written; null: nothing. `now`: ms since 1970. */
  changes(now: number): OwnChanges | null {
    for (const name of this.#dirty) this.#look(name, now);
    this.#dirty.clear();
    if (this.#anew) return { set: this.#texts(this.#known.keys()), remove: [], anew: true };
    if (this.#unwritten.size === 0) return null;
    const remove = [...this.#unwritten].filter((name) => !this.#known.has(name));
    return { set: this.#texts(this.#unwritten), remove, anew: false };
  }

  /** That is written, as number `seq`. */
  written({ set, remove, anew }: OwnChanges, seq: number): void {
    for (const [name, text] of set) {
      const own = this.#known.get(name);
      if (own?.text !== text) continue;
      own.seq = Math.min(own.seq, seq);
      this.#unwritten.delete(name);
    }
    for (const name of anew ? [...this.#unwritten] : remove) if (!this.#known.has(name)) this.#unwritten.delete(name);
    if (anew) this.#anew = false;
  }

  #look(name: string, now: number): void {
    const own = this.#own(name);
    if (own?.report.drain) this.#draining.add(name);
    else this.#draining.delete(name);
    const before = this.#known.get(name);
    const record = own && recordOf(own);
    const said = record && JSON.stringify(record);
    if (said === (before?.record ?? null)) return;
    this.#unwritten.add(name);
    if (record === null || said === null) this.#known.delete(name);
    else this.#known.set(name, { record: said, text: writeRecord(record, now), seq: Number.POSITIVE_INFINITY });
  }

  #texts(names: Iterable<string>): Map<string, string> {
    const texts = new Map<string, string>();
    for (const name of names) {
      const own = this.#known.get(name);
      if (own !== undefined) texts.set(name, own.text);
    }
    return texts;
  }
}
