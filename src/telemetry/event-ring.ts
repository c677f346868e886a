/** The recent events of a balancer, as its API shows them. */
import { Emitter } from "../util/emitter.ts";
import type { Line } from "./line.ts";

/** Of a busy day, hours; of a quiet balancer, weeks. */
export const KEPT_EVENTS = 1_000;
/** Characters of a text that are kept: no event has as many but those that quote a document or an error of somebody else's. */
const LONGEST_TEXT = 2_000;

export interface RecentEvent {
  /** Counts up by one from 1, so that a gap tells what was missed. */
  readonly id: number;
  /** RFC 3339. */
  readonly at: string;
  readonly kind: string;
  readonly level: Line["level"];
  readonly text: string;
  readonly pool: string | null;
  readonly target: string | null;
}

/** Emits each event as it is added. */
export class EventRing extends Emitter<{ event: [event: RecentEvent] }> {
  readonly #wallClock: () => number;
  readonly #kept: RecentEvent[] = [];
  #added = 0;

  constructor(wallClock: () => number = Date.now) {
    super();
    this.setMaxListeners(0); // one for each reader of the API that follows
    this.#wallClock = wallClock;
  }

  add(kind: string, { level, text, facts }: Line): void {
    const target = nameIn(facts, "target");
    const event = {
      id: ++this.#added,
      at: new Date(this.#wallClock()).toISOString(),
      kind,
      level,
      text: text.length > LONGEST_TEXT ? `${text.slice(0, LONGEST_TEXT)}…` : text,
      // A target's name begins with that of its pool.
      pool: nameIn(facts, "pool") ?? (target === null ? null : target.slice(0, target.indexOf("/"))),
      target,
    };
    this.#kept[(event.id - 1) % KEPT_EVENTS] = event;
    this.tell("event", event);
  }

  /** Those with a greater number that are still kept, the oldest first. All, if that number is yet to come: it is of a process before. */
  after(id: number): RecentEvent[] {
    const oldest = Math.max(1, this.#added - KEPT_EVENTS + 1);
    const first = Math.max(oldest, id > this.#added ? 1 : id + 1);
    const count = Math.max(0, this.#added - first + 1);
    return Array.from({ length: count }, (_, i) => this.#kept[(first + i - 1) % KEPT_EVENTS]!);
  }
}

function nameIn(facts: Line["facts"], name: string): string | null {
  const value = facts[name];
  return typeof value === "string" ? value : null;
}
