/**
 * How the connections of each target divide over the balancers. That costs nothing unless somebody looks: whoever is asked tells the others
 * so, and each of them then writes what it has about once a second, for as long as it is told; what the others have written is read while
 * somebody looks here.
 */
import type { Clock } from "../util/clock.ts";
import { deferred } from "../util/deferred.ts";
import { writeHint } from "./hint.ts";
import { type Loads, readLoads, type TargetLoad, writtenLoads } from "./loads.ts";
import type { Member } from "./members.ts";
import type { Part, Turn } from "./part.ts";
import { unlessRefused } from "./refusal.ts";
import type { Changes } from "./store.ts";
import { TTL_MS } from "./times.ts";

/** ms for which one look counts: those who look on ask again by then. */
const LOOK_MS = 3_000;
/** ms from one writing to the next; the group takes its turns about once a second. */
const WRITE_MS = 900;
/** ms that an answer is waited for from when a look has begun. */
const ANSWER_MS = 1_000;
const NOTHING: Changes = { set: new Map(), remove: [], anew: true };

/** What another balancer has answered. */
export interface Answer {
  readonly id: string;
  readonly name: string;
  /** null: it has not answered, or not for as long as a word counts. */
  readonly loads: Loads | null;
  /** ms since it was written; null: see above. */
  readonly ageMs: number | null;
}

export interface SharesOptions {
  readonly clock: Clock;
  /** What this balancer has. */
  readonly loads: () => Iterable<TargetLoad>;
}

interface Heard {
  readonly loads: Loads;
  /** By this balancer's clock: it was written no later. */
  readonly at: number;
}

export class Shares implements Part {
  readonly kind = "shares";
  onDue: () => void = () => undefined;
  readonly #options: SharesOptions;
  #members: ReadonlyMap<string, Member> = new Map();
  /** Until when somebody looks here, and at another balancer. */
  #lookedUntil = Number.NEGATIVE_INFINITY;
  #askedUntil = Number.NEGATIVE_INFINITY;
  /** When the look that goes on here has begun. */
  #begunAt = Number.NEGATIVE_INFINITY;
  /** The others have been told so since. */
  #isTold = false;
  #writtenAt = Number.NEGATIVE_INFINITY;
  /** The store may have something of this balancer. */
  #isWritten = false;
  #isRead = false;
  readonly #heard = new Map<string, Heard>();
  readonly #waiting = new Set<() => void>();

  constructor(options: SharesOptions) {
    this.#options = options;
  }

  /** What the others have, once all have answered or had the time for it. Never rejects. */
  async look(): Promise<readonly Answer[]> {
    const { clock } = this.#options;
    const now = clock.now();
    if (now >= this.#lookedUntil) {
      this.#begunAt = now;
      this.#isTold = false;
      this.onDue();
    }
    this.#lookedUntil = now + LOOK_MS;
    if (!this.#isAnswered && now < this.#begunAt + ANSWER_MS) await this.#answered(this.#begunAt + ANSWER_MS - now);
    return this.known();
  }

  /** What they have answered so far, by their names. Nobody is asked. */
  known(): readonly Answer[] {
    const there = [...this.#members.values()].filter((member) => !this.#hasLeft(member));
    return there.map((member) => this.#answerOf(member)).sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  stale(asks = false): void {
    if (asks) this.#askedUntil = this.#options.clock.now() + LOOK_MS;
    this.#isRead = false;
  }

  forgotten(): void {
    this.#writtenAt = Number.NEGATIVE_INFINITY;
  }

  async share(turn: Turn): Promise<void> {
    const { clock } = this.#options;
    this.#members = turn.members;
    const isLooking = clock.now() < this.#lookedUntil;
    if (!isLooking && clock.now() >= this.#askedUntil) return this.#end(turn);
    const isToTell = isLooking && !this.#isTold;
    if (isToTell || clock.now() >= this.#writtenAt + WRITE_MS) await this.#write(turn, isLooking);
    if (!isLooking || this.#isRead) return;
    this.#isRead = true; // a hint that comes meanwhile may be of what is not in the answer
    await Promise.all([...turn.members.values()].map((member) => this.#read(turn, member)));
    for (const id of this.#heard.keys()) if (!turn.members.has(id)) this.#heard.delete(id);
    if (this.#isAnswered) for (const tell of [...this.#waiting]) tell();
  }

  async #write({ store, id, now }: Turn, asks: boolean): Promise<void> {
    const { clock, loads } = this.#options;
    const changes = await writtenLoads(loads(), now);
    this.#isWritten = true;
    // What is refused is no reason to do without the group: the others see that nothing came.
    await unlessRefused(() => store.write(id, "shares", changes, null, writeHint({ t: "shares", by: id, asks })));
    this.#writtenAt = clock.now();
    if (asks) this.#isTold = true;
    this.#isRead = false;
  }

  async #read({ store }: Turn, member: Member): Promise<void> {
    const { clock } = this.#options;
    if (member.isSilent(clock.now())) return;
    const texts = await unlessRefused(() => store.read(member.id, "shares", null));
    const loads = texts && (await readLoads(texts));
    if (loads === null) this.#heard.delete(member.id);
    else if (this.#heard.get(member.id)?.loads.at !== loads.at) this.#heard.set(member.id, { loads, at: clock.now() });
  }

  /** Nobody looks any more. */
  async #end({ store, id }: Turn): Promise<void> {
    this.#heard.clear();
    if (!this.#isWritten) return;
    await unlessRefused(() => store.write(id, "shares", NOTHING, null, ""));
    this.#isWritten = false;
  }

  /** The others know that somebody looks, and whoever is there has answered. */
  get #isAnswered(): boolean {
    if (!this.#isTold) return false;
    const now = this.#options.clock.now();
    return [...this.#members.values()].every((each) => each.isSilent(now) || this.#answerOf(each).loads !== null);
  }

  #answerOf(member: Member): Answer {
    const { id, word } = member;
    const heard = this.#heard.get(id);
    const now = this.#options.clock.now();
    // By its own clock, as far as its words tell that: what was found there first may have been there for long.
    const ageMs = heard && Math.max(0, now - heard.at, word.at + now - member.heardAt - heard.loads.at);
    const isNow = ageMs !== undefined && ageMs <= TTL_MS && !member.isSilent(now);
    return { id, name: word.name, loads: isNow ? heard!.loads : null, ageMs: isNow ? Math.round(ageMs) : null };
  }

  /** It has said so, and has no clients any more: there is nothing to be known of it. */
  #hasLeft(member: Member): boolean {
    return member.word.leaving && member.isSilent(this.#options.clock.now());
  }

  async #answered(ms: number): Promise<void> {
    const done = deferred<void>();
    const tell = () => done.resolve();
    const cancel = this.#options.clock.after(ms, tell);
    this.#waiting.add(tell);
    await done.promise;
    cancel();
    this.#waiting.delete(tell);
  }
}
