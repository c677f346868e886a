/**
 * The balancers of a group. Each vouches for the targets whose reporters speak to it, and takes from the others what it does not hear itself.
 *
 * Each writes its targets down in the store when what is said of them changes, and a word about itself once a second. So a report that
 * changes nothing costs the store nothing: what a balancer vouches for holds while it is heard, and for a lease after that, in which its
 * reporters come to another one. Hints that something has changed may get lost: each word has the number of its balancer's last writing, by
 * which a gap is found; and a balancer that finds another word than its own in its place writes everything anew.
 *
 * While the store cannot be asked nothing is learnt and nothing forgotten, and when it is back everybody has the time of a newcomer to be
 * heard, so that one that has been restarted empty takes nobody out.
 */

import { isLoopback } from "../targets/loopback.ts";
import { atMost } from "../util/at-most.ts";
import { codeOf, type HarmonyError, messageOf } from "../util/errors.ts";
import { Pause } from "../util/pause.ts";
import { namesForHint, readHint, writeHint } from "./hint.ts";
import { type Due, type Member, Members, SEQ, type Vouched, WHOLE } from "./members.ts";
import { Offers } from "./offers.ts";
import type { GroupOptions } from "./options.ts";
import { OwnTargets } from "./own-targets.ts";
import type { Part, Turn } from "./part.ts";
import { Reach } from "./reach.ts";
import { refusalIn, sayOrHear, unlessRefused } from "./refusal.ts";
import { OPENING, type Texts } from "./store.ts";
import { SAY_MS, TTL_MS } from "./times.ts";
import type { GroupView, MemberView } from "./view.ts";
import { readWord, writeWord } from "./word.ts";

/** ms from one word to the next while targets drain, whose reporters wait for what others count. */
const DRAINING_SAY_MS = 200;
/** ms for which changes are gathered: a restart of many targets is a few writings, and a change is known within a fraction of a second. */
const GATHER_MS = 20;
/** ms between looks at everything that is everybody's: a hint that got lost is made good by then. */
const EVERYTHING_MS = 30_000;
/** ms that the start waits for the others' targets. */
const START_MS = 1_000;
/** ms between looks at targets that could not be taken in. */
const OFFER_MS = 5_000;
/** ms from one word to the next, above which this balancer could not hear the others in between. */
const DEAF_MS = 2_000;
/** ms that the goodbye, and the closing of the store, may take. */
const GOODBYE_MS = 1_000;

export class Group {
  readonly #options: GroupOptions;
  readonly #members: Members;
  readonly #own: OwnTargets;
  readonly #offers: Offers;
  readonly #pause: Pause;
  readonly #reach: Reach;
  /** Of this balancer's last writing of its targets. */
  #seq = 0;
  /** Of the last one that is known to have been done. */
  #writtenSeq = 0;
  /** The word that it has said last is there, as far as is known. */
  #hasSaid = false;
  #isUnsure = false;
  #saidAt = Number.NEGATIVE_INFINITY;
  /** When the words of all were read last. */
  #heardAt = Number.POSITIVE_INFINITY;
  #offeredAt = Number.NEGATIVE_INFINITY;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #isWoken = false;
  #turnedAt = Number.NEGATIVE_INFINITY;
  #running: Promise<void> | null = null;
  #started: () => void = () => undefined;
  #isLeaving = false;
  #isClosed = false;

  constructor(options: GroupOptions) {
    const { store, clock, own, onEvent } = options;
    const view = (member: Member) => member.view(clock.now());
    this.#options = options;
    this.#reach = new Reach(options);
    this.#pause = new Pause(clock);
    this.#own = new OwnTargets(own);
    for (const part of options.parts) part.onDue = () => this.#wakeSoon();
    this.#members = new Members({
      ...options,
      self: options.id,
      onJoined: (member) => {
        if (this.#hasHeard) onEvent("joined", view(member));
      },
      onLeft: (member, why) => onEvent("left", view(member), why),
      onRemoved: (names) => this.#offers.look(names),
      onWarning: (message) => onEvent("warning", message),
    });
    this.#offers = new Offers({
      ...options,
      members: this.#members.all,
      unreachable: (member, vouched) => this.#unreachable(member, vouched),
      onRefused: (name, by, why) => onEvent("refused", name, by.word.name, why),
    });
    store.onHint = (hint) => this.#hear(hint);
    store.onConnected = (isSame) => {
      this.#lookedAt = Number.NEGATIVE_INFINITY; // hints may have got lost meanwhile
      if (!isSame) for (const part of options.parts) part.reconnected?.();
      this.#wake();
    };
  }

  /** Resolves when the others' targets are known, or it is clear that they are not for now. Nothing is taken in before offer(). Never rejects. */
  start(): Promise<void> {
    const { clock } = this.#options;
    for (const part of this.#options.parts) part.begin?.();
    return new Promise((resolve) => {
      const cancel = clock.after(START_MS, resolve);
      this.#started = () => {
        cancel();
        resolve();
      };
      this.#running ??= this.#run();
    });
  }

  /** What this balancer's reporters say of that target may have changed. `left`: what others call it, where it has left by its own word. */
  changed(name: string, left: string | null): void {
    this.#own.changed(name);
    if (left !== null) this.#offers.left(left);
    this.#wakeSoon();
  }

  /** More keys have been revoked. */
  revoked(): void {
    this.#offers.revoked();
  }

  /** Pools are there, have come or gone, or this balancer listens elsewhere. */
  offer(): void {
    this.#offers.begin();
    this.#offerAgain();
  }

  #offerAgain(): void {
    this.#offeredAt = this.#options.clock.now();
    this.#offers.again();
    for (const part of this.#options.parts) part.offered?.();
  }

  /**
   * Connections to a target that drains, at balancers that its reporter does not speak to itself. One that cannot know yet that it drains
   * counts as one, and one that is silent as what it said last, until that was a lease ago: so does the whole group while it is lost.
   */
  activeElsewhere(name: string): number {
    const { wallClock, lease, id } = this.#options;
    if (this.#reach.lostMs > lease) return 0;
    const seq = this.#own.seqOf(name, wallClock());
    const unknown = this.#hasHeard ? 0 : 1; // nobody is known yet
    return unknown + this.#members.activeAt(name, id, seq);
  }

  view(): GroupView {
    const { name, place, sharedTargets } = this.#options;
    return {
      name,
      place,
      ...this.#reach.view,
      members: [this.#ownView(), ...this.#others],
      sharedTargets: sharedTargets(),
    };
  }

  /** By name. */
  get #others(): MemberView[] {
    const others = [...this.#members.all.values()].map((member) => member.view(this.#options.clock.now()));
    return others.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Says that this balancer leaves, if that is possible in time: what it vouches for is kept for a lease. Never rejects. */
  async leave(): Promise<void> {
    if (this.#isLeaving) return;
    this.#isLeaving = true;
    const { store, id } = this.#options;
    if (!this.#hasSaid) return;
    const nothing = { set: new Map(), remove: [], anew: false };
    const said = store.write(id, "targets", nothing, this.#word(), writeHint({ t: "goodbye", by: id }));
    this.#isUnsure = true; // that this word is there hides that nothing else is, where everything was forgotten
    await atMost(this.#options.clock, GOODBYE_MS, said);
  }

  /** Never rejects. */
  async close(): Promise<void> {
    const { clock, store } = this.#options;
    const until = clock.now() + GOODBYE_MS;
    await this.leave();
    this.#isClosed = true;
    this.#pause.skip();
    const ended = this.#options.parts.map((part) => part.end?.(this.#turnOf(part)));
    await atMost(clock, until - clock.now(), Promise.all(ended));
    await atMost(clock, until - clock.now(), Promise.all([store.close(), this.#running]));
  }

  async #run(): Promise<void> {
    await this.#pause.wait(START_MS); // or until the store can be asked
    while (!this.#isClosed) {
      this.#isWoken = false;
      this.#turnedAt = this.#options.clock.now();
      this.#pause.begin();
      await this.#turn();
      this.#started();
      if (!this.#isClosed) await this.#pause.wait(this.#untilNext());
    }
  }

  async #turn(): Promise<void> {
    const { clock, parts } = this.#options;
    try {
      // What the store does not take, as one that is full, is no reason not to read what it has.
      let refused = await refusalIn(() => this.#write());
      const isTime = clock.now() >= this.#saidAt + this.#sayMs;
      if (isTime) refused = (await this.#say()) ?? refused;
      if (this.#isUnsure && refused === null) await this.#verify(); // else nothing would come of it
      this.#compare();
      await this.#readDue();
      for (const part of parts) refused = (await refusalIn(() => part.share(this.#turnOf(part)))) ?? refused;
      for (const id of this.#members.longGone) refused = (await refusalIn(() => this.#forget(id))) ?? refused;
      if (refused === null) this.#reach.reached();
      else if (!this.#isClosed) this.#reach.lost(refused.message, true);
      if (clock.now() >= this.#offeredAt + OFFER_MS) this.#offerAgain();
    } catch (error) {
      this.#isUnsure = true;
      this.#lookedAt = Number.NEGATIVE_INFINITY;
      if (codeOf(error) !== OPENING && !this.#isClosed) this.#reach.lost(messageOf(error), false);
    }
  }

  get #hasHeard(): boolean {
    return this.#heardAt !== Number.POSITIVE_INFINITY;
  }

  get #sayMs(): number {
    return this.#members.areDraining || this.#own.areDraining ? DRAINING_SAY_MS : SAY_MS;
  }

  #untilNext(): number {
    const due = this.#saidAt + this.#sayMs - this.#options.clock.now();
    return this.#reach.isReached ? Math.max(0, due) : SAY_MS;
  }

  async #write(): Promise<void> {
    const { store, id, wallClock } = this.#options;
    const changes = this.#own.changes(wallClock());
    if (changes === null) return;
    const seq = this.#seq + 1;
    const names = changes.anew ? null : namesForHint([...changes.set.keys(), ...changes.remove]);
    // If it fails, that may be known as this writing and as none: the next one is another.
    this.#seq = seq;
    this.#hasSaid = true;
    const hint = writeHint({ t: "targets", by: id, seq, names: names && [...names] });
    const set = changes.anew ? new Map([...changes.set, [WHOLE, String(seq)]]) : changes.set;
    const mark = [SEQ, String(seq)] as const;
    const after = changes.anew ? undefined : String(this.#writtenSeq);
    const before = await store.write(id, "targets", { ...changes, set, mark, after }, this.#word(), hint);
    if (after !== undefined && before !== after) {
      this.#forgotten();
      return this.#write(); // all of it
    }
    this.#own.written(changes, seq);
    this.#writtenSeq = seq;
  }

  /** Gives why what it says is not taken; null: it is. */
  async #say(): Promise<HarmonyError | null> {
    const { store, id, clock, onEvent } = this.#options;
    const { before, refused } = await sayOrHear(store, id, this.#word());
    const since = this.#heardAt;
    this.#saidAt = clock.now();
    const own = readWord(before.get(id) ?? "");
    if (refused === null && this.#hasSaid && own?.seq !== this.#seq) this.#forgotten();
    this.#hasSaid ||= refused === null;
    this.#members.hear(before);
    const found = this.#hasHeard ? [] : this.#others.filter(({ state }) => state === "present");
    if (found.length > 0) onEvent("found", found);
    this.#heardAt = this.#saidAt;
    // What has been read since, or waited for, is no fault of theirs; and of a store that takes nothing they may have nothing to say it with.
    if (refused !== null || this.#heardAt - since > DEAF_MS) this.#members.deaf(since);
    this.#members.look();
    return refused;
  }

  /** Answers may have got lost: whether what is there is what was written. */
  async #verify(): Promise<void> {
    const { store, id } = this.#options;
    const texts = await store.read(id, "targets", [SEQ, WHOLE]);
    if (texts.get(SEQ) !== String(this.#seq) || !texts.has(WHOLE)) this.#forgotten();
    this.#isUnsure = false;
  }

  /** Somebody has restarted the store empty, or from an older copy. */
  #forgotten(): void {
    this.#own.forgotten();
    for (const part of this.#options.parts) part.forgotten();
    this.#pause.skip();
  }

  async #readDue(): Promise<void> {
    const { all, due } = this.#members;
    for (const [id, each] of [...due]) {
      const texts = await this.#read(id, each);
      const member = all.get(id);
      if (due.get(id) === each) due.delete(id); // otherwise more has been written meanwhile
      if (member !== undefined) this.#offers.look(this.#members.take(member, texts, each));
      if (this.#options.clock.now() >= this.#saidAt + SAY_MS) return; // meanwhile this balancer says nothing: the rest can wait
    }
  }

  /** What one has written and cannot be read is left out, and tried again with its next word: the others have nothing to do with it. */
  async #read(id: string, { names }: Due): Promise<Texts> {
    const { store, onEvent } = this.#options;
    const texts = await unlessRefused(
      () => store.read(id, "targets", names && [...names, SEQ]),
      ({ message }) => {
        const member = this.#members.all.get(id);
        if (member === undefined || member.isUnreadable) return;
        member.isUnreadable = true;
        onEvent("warning", `what balancer ${id} of the group has written cannot be read: ${message}`);
      },
    );
    return texts ?? new Map();
  }

  #turnOf({ kind }: Part): Turn {
    const { store, id, wallClock } = this.#options;
    const { all: members } = this.#members;
    const hint = writeHint({ t: kind, by: id });
    return { store, id, members, hint, now: wallClock(), isLeaving: this.#isLeaving };
  }

  /** Whether a hint got lost is found out by reading everything. */
  #compare(): void {
    const now = this.#options.clock.now();
    if (now < this.#lookedAt + EVERYTHING_MS) return;
    this.#lookedAt = now;
    for (const part of this.#options.parts) part.stale();
    this.#members.everything();
  }

  #hear(text: string): void {
    const hint = readHint(text);
    if (hint === null || hint.by === this.#options.id || this.#isClosed) return;
    if (hint.t === "goodbye" || (hint.t === "targets" && !this.#members.changed(hint))) {
      this.#saidAt = Number.NEGATIVE_INFINITY; // its word is there
    } else if (hint.t !== "targets") {
      for (const part of this.#options.parts) if (part.kind === hint.t) part.stale(hint.asks, hint.by);
    }
    // Thousands may come a second, and each turn reads.
    if (this.#options.clock.now() >= this.#turnedAt + GATHER_MS) this.#wake();
    else this.#wakeSoon();
  }

  async #forget(id: string): Promise<void> {
    const { all, stale } = this.#members;
    if (!all.has(id)) await this.#options.store.forget(id, writeHint({ t: "goodbye", by: id }));
    stale.delete(id);
  }

  #wake(): void {
    if (!this.#isClosed) this.#pause.skip();
  }

  #wakeSoon(): void {
    if (this.#isWoken || this.#isClosed || this.#running === null) return;
    this.#isWoken = true;
    this.#options.clock.after(GATHER_MS, () => this.#wake());
  }

  #unreachable({ word }: Member, { written }: Vouched): string | null {
    const { host } = written.address;
    if (!isLoopback(host) || word.host === this.#options.facts().host) return null;
    return `${host} is that balancer's own host: let the reporter advertise an address that others reach`;
  }

  #word(): string {
    const { facts, wallClock, active } = this.#options;
    const at = Math.floor(wallClock());
    const own = { at, ttl: TTL_MS, leaving: this.#isLeaving, seq: this.#seq, targets: this.#own.size };
    return writeWord({ ...facts(), ...own, ...this.#members.known(active) });
  }

  #ownView(): MemberView {
    const { id } = this.#options;
    const { name, version, startedAt, reporters, active, waiting } = this.#options.facts();
    const self = { isSelf: true, state: "present", heardMs: 0, targets: this.#own.size } as const;
    return { id, name, version, startedAt, reporters, active, waiting, ...self };
  }
}
