/** A group's store in the memory of one process, with faults on demand. */
import type { Claimed, Claims } from "../../src/group/permits.ts";
import { holdsOver } from "../../src/group/stamped.ts";
import type { Changes, CommonSection, GroupStore, Section, Stamped, Texts } from "../../src/group/store.ts";
import { AHEAD_MS } from "../../src/util/ahead.ts";
import { type Clock, pass, systemClock } from "../../src/util/clock.ts";
import { HarmonyError } from "../../src/util/errors.ts";
import { claimIn } from "./permit-claims.ts";

/** As long as the real one waits for an answer. */
const ANSWER_MS = 2_000;

/** What goes wrong, from the next call on. Of one store, as where a network is cut, or of all of them. */
export interface StoreFaults {
  /** No connection: calls are rejected at once, and hints do not come. Ends with `onConnected`. */
  lost: boolean;
  /** ms that each call takes, and each hint. From 2000 on no answer comes in time, and nothing is done. */
  slowMs: number;
  /** What is asked for is done, but the answer does not come: the call is rejected. */
  answersLost: boolean;
  hintsLost: boolean;
  /** Each hint comes twice. */
  hintsTwice: boolean;
  /** What would write is refused with this, as by a server that is full. */
  refuses: string | null;
}

/** What has been asked so far, of all stores of one memory. */
export interface StoreCounts {
  calls: number;
  /** Names set and removed. */
  changes: number;
  /** Names read. */
  reads: number;
  hints: number;
}

function noFaults(): StoreFaults {
  return { lost: false, slowMs: 0, answersLost: false, hintsLost: false, hintsTwice: false, refuses: null };
}

/** What several stores have in common: the server. */
export class GroupMemory {
  readonly counts: StoreCounts = { calls: 0, changes: 0, reads: 0, hints: 0 };
  readonly clock: Clock;
  members = new Map<string, string>();
  /** By section and balancer. */
  own = new Map<string, Map<string, string>>();
  common = new Map<CommonSection, Map<string, Stamped>>();
  permits = new Map<string, string>();
  readonly #stores = new Set<MemoryStore>();

  /** ms since 1970. */
  readonly wallClock: () => number;

  constructor(clock: Clock = systemClock, wallClock?: () => number) {
    this.clock = clock;
    this.wallClock = wallClock ?? (clock === systemClock ? Date.now : () => Math.floor(clock.now()));
  }

  /** A store for one more balancer. */
  open(): MemoryStore {
    const store = new MemoryStore(this, () => this.#stores.delete(store));
    this.#stores.add(store);
    return store;
  }

  /** For all stores there are. */
  fault(faults: Partial<StoreFaults>): void {
    for (const store of this.#stores) store.fault(faults);
  }

  /** Everything is forgotten, as when it has been restarted empty. Nobody is told. */
  clear(): void {
    this.members = new Map();
    this.own = new Map();
    this.common = new Map();
    this.permits = new Map();
  }

  /** To every store that hears. */
  tell(hint: string): void {
    this.counts.hints++;
    for (const store of this.#stores) store.hear(hint);
  }
}

/** One balancer's way to the memory. */
export class MemoryStore implements GroupStore {
  onHint: (hint: string) => void = () => undefined;
  onConnected: (isSame: boolean) => void = () => undefined;
  readonly #memory: GroupMemory;
  readonly #onClosed: () => void;
  #faults = noFaults();
  #closed = false;

  constructor(memory: GroupMemory, onClosed: () => void) {
    this.#memory = memory;
    this.#onClosed = onClosed;
    this.#connect();
  }

  fault(faults: Partial<StoreFaults>): void {
    const wasLost = this.#faults.lost;
    this.#faults = { ...this.#faults, ...faults };
    if (wasLost && !this.#faults.lost) this.#connect();
  }

  hear(hint: string): void {
    const { lost, hintsLost, hintsTwice, slowMs } = this.#faults;
    if (lost || hintsLost) return;
    for (let times = hintsTwice ? 2 : 1; times > 0; times--) {
      this.#later(slowMs, () => this.#faults.lost || this.onHint(hint));
    }
  }

  say(id: string, word: string): Promise<Texts> {
    return this.#ask((memory) => {
      const before = new Map(memory.members);
      memory.members.set(id, word);
      memory.counts.reads += before.size;
      return before;
    });
  }

  words(): Promise<Texts> {
    return this.#ask((memory) => {
      memory.counts.reads += memory.members.size;
      return new Map(memory.members);
    }, "reads");
  }

  write(id: string, section: Section, changes: Changes, word: string | null, hint: string): Promise<string | null> {
    const { set, remove, anew, mark, after } = changes;
    return this.#ask((memory) => {
      const key = `${section}:${id}`;
      const former = memory.own.get(key);
      const before = (mark && former?.get(mark[0])) ?? null;
      if (after !== undefined && before !== after) return before;
      const texts = new Map(anew ? [] : (former ?? []));
      for (const [name, text] of [...set, ...(mark ? [mark] : [])]) texts.set(name, text);
      for (const name of remove) texts.delete(name);
      memory.own.set(key, texts);
      if (word !== null) memory.members.set(id, word);
      memory.counts.changes += set.size + remove.length;
      memory.tell(hint);
      return before;
    });
  }

  read(id: string, section: Section, names: readonly string[] | null): Promise<Texts> {
    return this.#ask((memory) => {
      const all = memory.own.get(`${section}:${id}`) ?? new Map<string, string>();
      const found = names === null ? new Map(all) : only(all, names);
      memory.counts.reads += found.size;
      return found;
    }, "reads");
  }

  forget(id: string, hint: string): Promise<void> {
    return this.#ask((memory) => {
      memory.members.delete(id);
      for (const section of ["targets", "bindings", "shares"] satisfies Section[])
        memory.own.delete(`${section}:${id}`);
      memory.permits.delete(id);
      memory.tell(hint);
    });
  }

  stamp(
    section: CommonSection,
    values: ReadonlyMap<string, Stamped>,
    hint: string,
  ): Promise<ReadonlyMap<string, number>> {
    return this.#ask((memory) => {
      const all = memory.common.get(section) ?? new Map<string, Stamped>();
      const now = memory.wallClock();
      const redated = new Map<string, number>();
      for (const [name, { text, at }] of values) {
        const value = { text, at: Math.min(at, now + AHEAD_MS) };
        if (value.at !== at) redated.set(name, value.at);
        const before = all.get(name);
        if (before === undefined || holdsOver(value, before, now)) all.set(name, value);
      }
      memory.common.set(section, all);
      memory.counts.changes += values.size;
      memory.tell(hint);
      return redated;
    });
  }

  discard(section: CommonSection, values: ReadonlyMap<string, Stamped>): Promise<void> {
    return this.#ask((memory) => {
      const all = memory.common.get(section);
      for (const [name, { text, at }] of values) {
        const found = all?.get(name);
        if (found?.text === text && found.at === at) all?.delete(name);
      }
      memory.counts.changes += values.size;
    }, "reads"); // a full server removes
  }

  readStamped(section: CommonSection): Promise<ReadonlyMap<string, Stamped>> {
    return this.#ask((memory) => {
      const all = new Map(memory.common.get(section) ?? []);
      memory.counts.reads += all.size;
      return all;
    }, "reads");
  }

  claim(id: string, claims: Claims, hint: string): Promise<Claimed | null> {
    return this.#ask((memory) => {
      const { claimed, tell } = claimIn(memory.permits, id, claims, Math.floor(memory.clock.now()));
      if (tell) memory.tell(hint);
      return claimed;
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#onClosed();
  }

  async #ask<T>(act: (memory: GroupMemory) => T, does: "writes" | "reads" = "writes"): Promise<T> {
    const { slowMs, answersLost, refuses } = this.#faults;
    this.#memory.counts.calls++;
    this.#checkConnected();
    await afterMs(this.#memory.clock, Math.min(slowMs, ANSWER_MS));
    this.#checkConnected();
    if (slowMs >= ANSWER_MS) throw lost(`no answer came within ${ANSWER_MS / 1000} s`);
    if (refuses !== null && does === "writes")
      throw new HarmonyError("GROUP_REFUSED", refuses, { fault: "balancer", retry: true });
    const answer = act(this.#memory);
    if (answersLost) throw lost("the connection was lost before the answer came");
    return answer;
  }

  #checkConnected(): void {
    if (this.#closed) throw lost("it is closed");
    if (this.#faults.lost) throw lost("there is no connection");
  }

  #connect(): void {
    this.#later(0, () => this.#faults.lost || this.onConnected(false));
  }

  #later(ms: number, run: () => void): void {
    void afterMs(this.#memory.clock, ms).then(() => {
      if (!this.#closed) run();
    });
  }
}

/** Where it takes no time, nobody has to move a clock. */
async function afterMs(clock: Clock, ms: number): Promise<void> {
  if (ms > 0) await pass(clock, ms);
  else await null;
}

function only(all: Texts, names: readonly string[]): Texts {
  return new Map(names.flatMap((name) => (all.has(name) ? [[name, all.get(name)!]] : [])));
}

function lost(why: string): HarmonyError {
  return new HarmonyError("GROUP_LOST", `the group's store cannot be asked: ${why}`, {
    fault: "balancer",
    retry: true,
  });
}
