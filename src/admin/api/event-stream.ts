/** Events as they happen, as server-sent events. */
import { type Cancel, type Clock, every, systemClock } from "../../util/clock.ts";
import type { Operated } from "../face.ts";
import type { Event } from "./schemas/people.ts";

/** ms between lines that say nothing, so that both ends and all between them see that the connection is alive. */
const HEARTBEAT_MS = 15_000;
const HEARTBEAT = ":\n\n";
/** Of a field that says after how many ms a client that has lost the stream comes back. */
const RETRY = "retry: 1000\n\n";
/** Events that wait for a reader: as many as are kept for those who come. One that is behind by more is cut off, and finds a gap. */
const MOST_WAITING = 1_000;

type Source = Pick<Operated, "events" | "onEvent">;

/** `after`: the last one that is known, unless a browser that comes back says another. */
export function eventStream(source: Source, after: number, request: Request, clock: Clock = systemClock): Response {
  const last = request.headers.get("last-event-id") ?? "";
  const reading = new Reading(source, /^\d{1,15}$/.test(last) ? Number(last) : after, clock);
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const text = await reading.next();
        if (text === null) controller.close();
        else controller.enqueue(encoder.encode(text));
      },
      cancel: () => reading.stop(),
    },
    { highWaterMark: 0 },
  );
  return new Response(body, { headers: { "content-type": "text/event-stream", "cache-control": "no-store" } });
}

const encoder = new TextEncoder();

/** What one reader has yet to get. */
class Reading {
  #text: string;
  #waiting = 0;
  #isBehind = false;
  #wake: () => void = () => undefined;
  readonly #cancel: Cancel;

  constructor(source: Source, after: number, clock: Clock) {
    this.#text = RETRY + source.events(after).map(textOf).join("");
    const forget = source.onEvent((event) => this.#take(event));
    const cancelBeats = every(clock, HEARTBEAT_MS, () => this.#beat());
    this.#cancel = () => {
      forget();
      cancelBeats();
    };
  }

  /** Resolves when there is something; to null where more was to be kept than may be. */
  async next(): Promise<string | null> {
    while (this.#text === "" && !this.#isBehind) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    if (this.#isBehind) return null;
    const text = this.#text;
    this.#text = "";
    this.#waiting = 0;
    return text;
  }

  stop(): void {
    this.#cancel();
  }

  #take(event: Event): void {
    this.#waiting++;
    if (this.#waiting <= MOST_WAITING) this.#text += textOf(event);
    else this.#cutOff();
    this.#wake();
  }

  #cutOff(): void {
    this.#isBehind = true;
    this.#text = "";
    this.stop();
  }

  #beat(): void {
    if (this.#text === "") this.#text = HEARTBEAT;
    this.#wake();
  }
}

function textOf(event: Event): string {
  return `id: ${event.id}\ndata: ${JSON.stringify(event)}\n\n`;
}
