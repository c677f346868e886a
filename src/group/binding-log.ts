/**
 * What one balancer writes down of its clients' sticky bindings: batches with numbers that rise. Who knows the last number that it has read
 * finds what is new by the numbers after it, and never has to read all. A batch goes when its bindings have expired. Of small ones, those that
 * were written while few clients came, several are made one with the number of the last of them: who has read that one has read them all.
 *
 * Beside the batches there are two texts: MARK is the number that INDEX reaches to, and that of the last batch; INDEX is the numbers of the
 * batches up to there.
 */
import { BATCH_BYTES, BatchSize, type Bound, MOST_IN_BATCH, writeBatch } from "./binding-batch.ts";
import type { Changes } from "./store.ts";

export const MARK = "seq";
export const INDEX = "index";
/** Bindings in all: some 10 MB here, and 2 in the store. Who has more clients shares those whose bindings last longest. */
const MOST_BINDINGS = 100_000;
/** Batches in one writing. */
const MOST_AT_ONCE = 16;
/** Of batches that have gone and are in the store still: with more, they are removed though there is nothing to write beside that. */
const MOST_GONE = 100;
/** Of those that have gone while nothing could be written: with more, all that is there is removed, and they need not be remembered. */
const MOST_REMEMBERED = 10_000;
/** Of small batches: with more, they are put together. */
const MOST_SMALL = 256;

/** A binding, and when it expires; ms since 1970. */
export interface Outlived extends Bound {
  readonly until: number;
}

interface Batch {
  readonly bindings: readonly Outlived[];
  readonly bytes: number;
  readonly until: number;
  readonly text: string;
}

export interface LogChanges extends Changes {
  readonly mark: readonly [string, string];
  /** What is written with them. */
  readonly seqs: readonly number[];
  /** How many bindings that is. */
  readonly bindings: number;
}

export class BindingLog {
  readonly #batches = new Map<number, Batch>();
  /** Numbers of those that the store may not have, in order. */
  readonly #unwritten = new Set<number>();
  /** Numbers of those that it may have, and that are no more. */
  readonly #gone = new Set<number>();
  readonly #most: number;
  /** There were too many of those: everything is to be written anew. */
  #areForgotten = false;
  #isFlushed = false;
  #count = 0;
  #last = 0;
  /** How far the index reaches. */
  #indexed = 0;
  #isIndexWritten = false;
  /** The store may have anything. */
  #anew = true;
  /** The number of the last batch that is known to be there, in the mark. */
  #written: string | null = null;

  constructor(most = MOST_BINDINGS) {
    this.#most = most;
  }

  /** Bindings in it, one that was used again as often as it was told of. */
  get size(): number {
    return this.#count;
  }

  /** Whether the store lacks some, or has many that have gone. */
  get isDue(): boolean {
    return this.#unwritten.size > 0 || this.#gone.size > MOST_GONE || this.#areForgotten;
  }

  /** What has gone is to leave the store, however little that is. */
  flush(): void {
    this.#isFlushed = true;
  }

  /** Those that are to be written. What expires together goes together, so that of too many those go that would have gone first. */
  add(bindings: readonly Outlived[], now: number): void {
    const inOrder = [...bindings].sort((a, b) => a.until - b.until);
    for (const part of cut(inOrder)) this.#put(++this.#last, part, now);
    this.#tidy(now);
  }

  /** What is to be written; null: nothing. */
  changes(): LogChanges | null {
    if (this.#areForgotten) this.forgotten();
    const isFlushed = this.#isFlushed && this.#gone.size > 0;
    this.#isFlushed = false;
    if (!this.isDue && !isFlushed) return null;
    const seqs = [...this.#unwritten].slice(0, MOST_AT_ONCE);
    const bindings = seqs.reduce((sum, seq) => sum + this.#batches.get(seq)!.bindings.length, 0);
    const set = new Map(seqs.map((seq) => [String(seq), this.#batches.get(seq)!.text]));
    if (this.#anew || !this.#isIndexWritten) set.set(INDEX, this.#index());
    const last = this.#unwritten.size > seqs.length ? seqs.at(-1)! : this.#last;
    const mark = [MARK, `${this.#indexed} ${last}`] as const;
    return { set, remove: this.#anew ? [] : [...this.#gone].map(String), anew: this.#anew, mark, seqs, bindings };
  }

  /** That is written, and before it there was that mark. False: the store has forgotten what was there. */
  written({ seqs, set, remove, anew, mark }: LogChanges, before: string | null): boolean {
    const isKept = anew || before === this.#written;
    // Meanwhile batches may have been put together, and may have gone.
    for (const seq of seqs) if (set.get(String(seq)) === this.#batches.get(seq)?.text) this.#unwritten.delete(seq);
    for (const seq of anew ? [...this.#gone] : remove.map(Number)) if (!seqs.includes(seq)) this.#gone.delete(seq);
    this.#anew = false;
    if (mark[1].startsWith(`${this.#indexed} `)) this.#isIndexWritten = true;
    this.#written = mark[1];
    if (!isKept) this.forgotten();
    return isKept;
  }

  /** All of them are to be written, with other numbers: whoever follows may have looked for some while they were not there. */
  forgotten(): void {
    this.#anew = true;
    this.#areForgotten = false;
    const batches = [...this.#batches.values()];
    for (const each of [this.#batches, this.#unwritten, this.#gone]) each.clear();
    for (const batch of batches) {
      this.#batches.set(++this.#last, batch);
      this.#unwritten.add(this.#last);
    }
    this.#indexed = this.#last;
    this.#isIndexWritten = false;
  }

  #put(seq: number, bindings: readonly Outlived[], now: number): void {
    const size = new BatchSize();
    for (const each of bindings) size.add(each);
    const until = bindings.reduce((latest, each) => Math.max(latest, each.until), 0);
    this.#batches.set(seq, { bindings, bytes: size.bytes, until, text: writeBatch(bindings, now) });
    this.#count += bindings.length;
    this.#unwritten.add(seq);
    this.#gone.delete(seq);
  }

  #drop(seq: number): void {
    this.#count -= this.#batches.get(seq)!.bindings.length;
    this.#batches.delete(seq);
    this.#unwritten.delete(seq);
    this.#gone.add(seq);
  }

  #tidy(now: number): void {
    for (const [seq, batch] of this.#batches) if (batch.until <= now) this.#drop(seq);
    if (this.#count > this.#most) this.#dropMost();
    let small = 0;
    for (const batch of this.#batches.values()) if (isSmall(batch)) small++;
    if (small > MOST_SMALL) this.#merge(now);
    if (this.#gone.size <= MOST_REMEMBERED) return;
    this.#gone.clear();
    this.#areForgotten = true;
  }

  #dropMost(): void {
    for (const [seq] of [...this.#batches].sort(([, a], [, b]) => a.until - b.until)) {
      if (this.#count <= this.#most) return;
      this.#drop(seq);
    }
  }

  #merge(now: number): void {
    const small = [...this.#batches].filter(([, batch]) => isSmall(batch));
    const latest = new Map<string, number>();
    for (const [seq, { bindings }] of small) for (const each of bindings) latest.set(keyOf(each), seq);
    let together: Outlived[] = [];
    let bytes = 0;
    let last = 0;
    const merged: [number, Outlived[]][] = [];
    for (const [seq, batch] of small) {
      const kept = batch.bindings.filter((each) => each.until > now && latest.get(keyOf(each)) === seq);
      if (together.length + kept.length > MOST_IN_BATCH || bytes + batch.bytes > BATCH_BYTES) {
        merged.push([last, together]);
        [together, bytes] = [[], 0];
      }
      together.push(...kept);
      bytes += batch.bytes;
      last = seq;
      this.#drop(seq);
    }
    if (together.length > 0) merged.push([last, together]);
    for (const [seq, bindings] of merged) if (bindings.length > 0) this.#put(seq, bindings, now);
    this.#sort();
    this.#indexed = this.#last;
    this.#isIndexWritten = false;
  }

  /** Those that are together have moved to the end. */
  #sort(): void {
    const inOrder = [...this.#batches].sort(([a], [b]) => a - b);
    this.#batches.clear();
    for (const [seq, batch] of inOrder) this.#batches.set(seq, batch);
    const unwritten = [...this.#unwritten].sort((a, b) => a - b);
    this.#unwritten.clear();
    for (const seq of unwritten) this.#unwritten.add(seq);
  }

  #index(): string {
    return JSON.stringify([...this.#batches.keys()].filter((seq) => seq <= this.#indexed));
  }
}

function isSmall({ bindings, bytes }: Batch): boolean {
  return bindings.length < MOST_IN_BATCH / 2 && bytes < BATCH_BYTES / 2;
}

function keyOf({ pool, client }: Bound): string {
  return `${pool} ${client}`;
}

function* cut(bindings: readonly Outlived[]): Generator<Outlived[]> {
  let part: Outlived[] = [];
  let size = new BatchSize();
  for (const each of bindings) {
    if (!size.fits(each)) {
      yield part;
      part = [];
      size = new BatchSize();
    }
    part.push(each);
    size.add(each);
  }
  if (part.length > 0) yield part;
}
