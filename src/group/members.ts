/** What this balancer knows of the others: their words, the targets that they vouch for, and who of them is there. */
import { NAME, printable } from "../control/protocol/schema.ts";
import type { Clock } from "../util/clock.ts";
import type { Hint } from "./hint.ts";
import { readRecord, type Written } from "./record.ts";
import type { Texts } from "./store.ts";
import type { MemberView } from "./view.ts";
import { DRAINING_BYTES, readWord, type Word } from "./word.ts";

/** ms within which a balancer that is there has been heard, but for a word that was lost. */
const RECENT_MS = 1_500;
/** ms beside a lease, by which clocks of hosts may differ, after which a word that is found seems to be of a balancer that is long gone. */
const STALE_MS = 60_000;
/** Other balancers that are heard: what each says of all others has to fit into its word. Others than Harmony may write there. */
const MOST_MEMBERS = 200;
/** Words of balancers that are not known yet, looked at in one turn; and records that are none, of one balancer: to find that out takes time. */
const MOST_NEW = 500;
const MOST_WRONG = 500;
/** Balancers that are long gone whose writings are removed in one turn. */
const MOST_FORGOTTEN = 50;

/** Beside the records, the number of the last writing: no target is called so. */
export const SEQ = "seq";
/** The number of the last one that wrote all of them: without it some are missing. */
export const WHOLE = "whole";

/** A record, with its text: what says the same is not another one. */
export interface Vouched {
  readonly text: string;
  readonly written: Written;
}

export class Member {
  readonly id: string;
  /** As it was said. */
  text = "";
  word: Word;
  /** When it was heard last, by this balancer's clock. */
  heardAt: number;
  /** Nothing has been heard of it for long, or it leaves. What it vouches for is not forgotten at once. */
  isGone = false;
  /** What it has written could not be read, which has been told. */
  isUnreadable = false;
  /** As of which of its writings its records are known; -1: they are not. */
  seq = -1;
  readonly records = new Map<string, Vouched>();
  /** Names of those of them that drain. */
  readonly draining = new Set<string>();

  constructor(id: string, word: Word, now: number) {
    this.id = id;
    this.word = word;
    this.heardAt = now;
  }

  /**
   * `names`: those that were read; null: all of them. Gives the names of records that are others now, or gone, and those of targets that have
   * left: not those whose reporter this balancer had lost before, which may be at another one. What is no record counts as gone.
   */
  take(texts: Texts, names: ReadonlySet<string> | null): { readonly changed: string[]; readonly left: string[] } {
    const changed: string[] = [];
    const left: string[] = [];
    let wrong = 0;
    for (const name of names ?? new Set([...texts.keys(), ...this.records.keys()])) {
      if (name === SEQ || name === WHOLE) continue;
      const text = texts.get(name);
      const known = this.records.get(name);
      if (text === known?.text || (known === undefined && wrong > MOST_WRONG)) continue;
      const written = text === undefined ? null : readRecord(name, text);
      if (text !== undefined && written === null) wrong++;
      if (text !== undefined && written !== null) this.records.set(name, { text, written });
      else this.records.delete(name);
      if (written === null && known?.written.isLost !== true) left.push(name);
      if (written?.report.drain) this.draining.add(name);
      else this.draining.delete(name);
      changed.push(name);
    }
    return { changed, left };
  }

  /** It says nothing any more. One that leaves speaks on until its clients have gone. */
  isSilent(now: number): boolean {
    return now - this.heardAt > this.word.ttl;
  }

  drop(name: string): void {
    this.records.delete(name);
    this.draining.delete(name);
  }

  view(now: number): MemberView {
    const { name, version, startedAt, reporters, active, waiting } = this.word;
    const state = this.word.leaving ? "left" : this.isGone ? "gone" : "present";
    const heardMs = Math.max(0, Math.round(now - this.heardAt));
    const said = { id: this.id, name, version, startedAt, reporters, active, waiting };
    return { ...said, isSelf: false, state, heardMs, targets: this.records.size };
  }
}

/** What is to be read of a member: the names, or (null) all; and as of which writing that is then known. */
export interface Due {
  readonly seq: number;
  readonly names: ReadonlySet<string> | null;
}

/** A word that says nothing. */
interface Idle {
  readonly text: string;
  /** If it is the same after that, its balancer is long gone. */
  readonly until: number;
}

export interface MembersOptions {
  /** The own id. */
  readonly self: string;
  readonly clock: Clock;
  /** ms since 1970. */
  readonly wallClock: () => number;
  /** ms that targets are kept whose balancer is gone. */
  readonly lease: number;
  readonly onJoined: (member: Member) => void;
  /** What it vouched for is kept for now. */
  readonly onLeft: (member: Member, why: "goodbye" | "silent") => void;
  /** It vouches for those no longer: its lease is over. */
  readonly onRemoved: (names: readonly string[]) => void;
  readonly onWarning: (message: string) => void;
}

export class Members {
  readonly all = new Map<string, Member>();
  readonly due = new Map<string, Due>();
  /** Ids of balancers that are long gone, whose writings nobody removes otherwise. */
  readonly stale = new Set<string>();
  readonly #options: MembersOptions;
  /** By id, words that are heeded no further as long as they stay as they are: those that are none, seem to be of long ago, or are too many. */
  readonly #idle = new Map<string, Idle>();
  readonly #warned = new Set<string>();

  constructor(options: MembersOptions) {
    this.#options = options;
  }

  /** Some of the stale ones. */
  get longGone(): string[] {
    return [...this.stale].slice(0, MOST_FORGOTTEN);
  }

  /** Whether any target drains that another balancer vouches for. */
  get areDraining(): boolean {
    for (const { draining } of this.all.values()) if (draining.size > 0) return true;
    return false;
  }

  /** Connections that those have to a target who do not vouch for it, since it drains as writing `seq` of balancer `id` says. */
  activeAt(name: string, id: string, seq: number): number {
    const now = this.#options.clock.now();
    let active = 0;
    for (const member of this.all.values()) {
      const { word, records } = member;
      // One that leaves speaks on until its clients have gone.
      if (records.has(name) || (word.leaving && member.isSilent(now))) continue;
      const knows = (word.knows[id] ?? -1) >= seq;
      active += knows ? (word.draining[name] ?? (word.drainingMore ? 1 : 0)) : 1;
    }
    return active;
  }

  /** What this balancer's own word says of them. `active`: connections that it has to the target of that name. */
  known(active: (name: string) => number): Pick<Word, "knows" | "draining" | "drainingMore"> {
    const knows: Record<string, number> = {};
    const draining: Record<string, number> = {};
    let room = DRAINING_BYTES;
    for (const { id, seq, draining: names } of this.all.values()) {
      if (seq >= 0) knows[id] = seq;
      for (const name of names) {
        const connections = active(name);
        if (connections === 0 || name in draining) continue;
        room -= Buffer.byteLength(JSON.stringify({ [name]: connections }));
        if (room >= 0) draining[name] = connections;
      }
    }
    return { knows, draining, drainingMore: room < 0 };
  }

  /** The words of all members, as they were just now. */
  hear(words: Texts): void {
    for (const id of this.#idle.keys()) if (!words.has(id)) this.#idle.delete(id);
    let fresh = 0;
    for (const [id, text] of words) {
      const member = this.all.get(id);
      if (id === this.#options.self || this.stale.has(id) || member?.text === text) continue;
      const idle = this.#idle.get(id);
      if (idle?.text === text) {
        this.#lookAt(id, idle);
        continue;
      }
      if (member === undefined && ++fresh > MOST_NEW) continue;
      const word = NAME.test(id) ? readWord(text) : null;
      const until = word === null ? Number.POSITIVE_INFINITY : this.#options.clock.now() + word.ttl;
      if (word === null) this.#warnOf(id);
      // One that says something else now is there, and its clock is wrong.
      if (word === null || (member === undefined && idle === undefined && this.#isStale(word)))
        this.#idle.set(id, { text, until });
      else this.#heard(id, text, word);
    }
  }

  /** Still the same, though it was looked at while a balancer that is there would have said another. */
  #lookAt(id: string, { until }: Idle): void {
    if (this.#options.clock.now() <= until) return;
    this.#idle.delete(id);
    this.stale.add(id);
  }

  /** False: nothing is known of whoever has given the hint. */
  changed({ by, seq, names }: Extract<Hint, { t: "targets" }>): boolean {
    const member = this.all.get(by);
    if (member === undefined) return false;
    const due = this.due.get(by);
    const last = due?.seq ?? member.seq;
    if (seq <= last) return true;
    const isNext = seq === last + 1 && names !== null && due?.names !== null;
    this.due.set(by, { seq, names: isNext ? new Set([...(due?.names ?? []), ...names]) : null });
    return true;
  }

  /** All that they vouch for is to be read. */
  everything(): void {
    for (const { id, word } of this.all.values()) this.due.set(id, { seq: word.seq, names: null });
  }

  /**
   * What was read of a member, as of which writing it was to be. Gives the names of records that are others now, or gone: none where that
   * writing is not there, since the store has been restarted empty, or from an older copy, and the member will write anew.
   */
  take(member: Member, texts: Texts, { seq, names }: Due): string[] {
    const written = Number(texts.get(SEQ) ?? -1);
    if (written < seq || written < member.seq || (names === null && !texts.has(WHOLE))) return [];
    member.seq = seq;
    const { changed, left } = member.take(texts, names);
    // A target that has left one that is there has left those as well that are gone, where its reporter was before.
    for (const other of this.all.values()) if (other.isGone) for (const name of left) other.drop(name);
    return changed;
  }

  /**
   * Nobody could be heard from `since` until now, which counts against nobody. Those that were heard just before have to find the store again
   * as well, and get the time of a newcomer; not those that had been silent then, who would live as long as the store comes and goes.
   */
  deaf(since: number): void {
    const now = this.#options.clock.now();
    for (const member of this.all.values()) {
      const wasHeard = since - member.heardAt <= RECENT_MS;
      member.heardAt = wasHeard ? now : member.heardAt + (now - since);
    }
  }

  /** Who is silent. To be called only while they can be heard. */
  look(): void {
    const { clock, lease, onLeft, onRemoved } = this.#options;
    for (const member of [...this.all.values()]) {
      const silent = clock.now() - member.heardAt;
      if (member.isSilent(clock.now()) && !member.isGone) {
        member.isGone = true;
        onLeft(member, "silent");
      }
      if (silent <= member.word.ttl + lease) continue;
      this.all.delete(member.id);
      this.due.delete(member.id);
      this.stale.add(member.id);
      onRemoved([...member.records.keys()]);
    }
  }

  #heard(id: string, text: string, word: Word): void {
    const { clock, lease, onJoined, onLeft } = this.#options;
    const known = this.all.get(id);
    if (known === undefined && this.all.size >= MOST_MEMBERS) {
      this.#idle.set(id, { text, until: clock.now() + word.ttl + lease });
      this.#warn(
        "many",
        `the group has more than ${MOST_MEMBERS} other balancers: the rest are not known here; see who else writes to its Redis`,
      );
      return;
    }
    this.#idle.delete(id);
    const member = known ?? new Member(id, word, clock.now());
    const isNews = word.leaving ? known?.isGone === false : known === undefined || known.isGone;
    Object.assign(member, { text, word, heardAt: clock.now(), isGone: word.leaving });
    this.all.set(id, member);
    const { seq } = this.due.get(id) ?? member;
    if (word.seq > seq) this.due.set(id, { seq: word.seq, names: null });
    if (!isNews) return;
    if (word.leaving) onLeft(member, "goodbye");
    else onJoined(member);
  }

  #isStale({ at, ttl }: Word): boolean {
    const { lease, wallClock } = this.#options;
    return wallClock() - at > ttl + lease + STALE_MS;
  }

  #warnOf(id: string): void {
    this.#warn(
      "unreadable",
      `what balancer ${printable(id)} of the group says cannot be read: it is of another version of Harmony, and its targets are not known here`,
    );
  }

  /** Once for each reason. */
  #warn(about: "unreadable" | "many", message: string): void {
    if (this.#warned.has(about)) return;
    this.#warned.add(about);
    this.#options.onWarning(message);
  }
}
