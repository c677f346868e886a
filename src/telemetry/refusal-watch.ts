/** Tells of clients that listeners turn away before they serve them: a count in shared memory, which says nothing by itself. */
import { REFUSALS, type Refusal } from "../edge/refusals.ts";
import { type Cancel, type Clock, every } from "../util/clock.ts";
import { counted } from "../util/counted.ts";
import { formatDuration } from "../util/durations.ts";

/** ms between looks. */
const LOOK_MS = 1_000;
/** ms that are summed up in a line: twice as long after each such line, so that an attack does not flood the log. */
const SHORTEST_WINDOW_MS = 1_000;
const LONGEST_WINDOW_MS = 60_000;

/** Clients of one listener, turned away for one reason. */
export interface RefusalFacts {
  readonly listener: string;
  readonly reason: Refusal;
  readonly clients: number;
}

/** A listener that asks something, and how many it has turned away since it is there: 32 bits, wrapping. */
export interface WatchedListener {
  readonly name: string;
  read(): Readonly<Record<Refusal, number>>;
}

type Tell = (text: string, facts: RefusalFacts) => void;

/** Each listener has episodes of its own: the first refusals are told at the next look, those after it in ever longer sums. A window without one ends it. */
export class RefusalWatch {
  readonly #listeners: () => Iterable<WatchedListener>;
  readonly #tell: Tell;
  readonly #clock: Clock;
  #episodes: ReadonlyMap<string, Episode> = new Map();
  #cancel: Cancel = () => undefined;

  /** `listeners`: those there are at a look, each name once. */
  constructor(listeners: () => Iterable<WatchedListener>, tell: Tell, clock: Clock) {
    this.#listeners = listeners;
    this.#tell = tell;
    this.#clock = clock;
  }

  start(): void {
    this.#cancel = every(this.#clock, LOOK_MS, () => this.#look(false));
  }

  /** Tells what has not been told, and looks no more. */
  close(): void {
    this.#cancel();
    this.#look(true);
  }

  #look(isLast: boolean): void {
    const now = this.#clock.now();
    const episodes = new Map<string, Episode>();
    for (const listener of this.#listeners()) {
      const episode = this.#episodes.get(listener.name) ?? new Episode(this.#tell);
      episode.look(listener, now, isLast);
      episodes.set(listener.name, episode);
    }
    this.#episodes = episodes; // without the listeners that are gone
  }
}

/** Of one listener. */
class Episode {
  readonly #tell: Tell;
  /** By reason: what has been told, or was there before. */
  readonly #told = new Map<Refusal, number>();
  /** ms; 0: none runs, and what comes is told at once. */
  #window = 0;
  #windowEnds = Number.NEGATIVE_INFINITY;

  constructor(tell: Tell) {
    this.#tell = tell;
  }

  look(listener: WatchedListener, now: number, isLast: boolean): void {
    if (now < this.#windowEnds && !isLast) return;
    const isNew = this.#tellNew(listener);
    this.#window = isNew ? Math.min(Math.max(SHORTEST_WINDOW_MS, 2 * this.#window), LONGEST_WINDOW_MS) : 0;
    this.#windowEnds = now + this.#window;
  }

  /** Gives whether there was anything to tell. */
  #tellNew({ name, read }: WatchedListener): boolean {
    const when = this.#window === 0 ? "" : ` in the last ${formatDuration(this.#window)}`;
    let isNew = false;
    const counts = read();
    for (const reason of REFUSALS) {
      const clients = (counts[reason] - (this.#told.get(reason) ?? 0)) >>> 0;
      if (clients === 0) continue;
      this.#told.set(reason, counts[reason]);
      isNew = true;
      const text = `listener ${name} has turned away ${counted(clients, "client")}${when}: ${REFUSAL_TEXTS[reason]}`;
      this.#tell(text, { listener: name, reason, clients });
    }
    return isNew;
  }
}

const REFUSAL_TEXTS: Readonly<Record<Refusal, string>> = {
  "untrusted-sender": "they are not in accept-proxy, whose peers alone may connect there",
  "no-header": "their PROXY header did not come in time, or they left before it was whole",
  "bad-header": "what they sent is no PROXY header",
  denied: "allow and deny do not let them in",
  "client-connections": "they have as many connections as client-connections gives each",
  "client-rate": "they come more often than client-rate allows",
  "no-hello": "their TLS ClientHello did not come in time, or they left before it was whole",
  "bad-hello": "what they sent is no TLS ClientHello",
  "no-route": "no route takes the server name and the protocols that they ask for",
  handshake: "TLS was not agreed on, or not in time",
  "client-certificate": "they have shown no certificate, or one that client-ca does not vouch for",
  crowded: "too many at once have yet to say what they want",
};
