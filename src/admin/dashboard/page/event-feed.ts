/** Events as they happen: what is kept of them first, and then the stream, which is taken up again where it broke off. */
import type { Event } from "../../api/schemas/people.ts";
import { EventStream } from "../../shared/event-stream.ts";
import type { App } from "./app.ts";

/** As many as the balancer keeps. */
const MOST = 1000;
/** ms until the stream is opened again. */
const RETRY_MS = 2000;

export class EventFeed {
  readonly #app: App;
  #abort: AbortController | null = null;

  constructor(app: App) {
    this.#app = app;
  }

  /** From the beginning. */
  start(): void {
    this.stop();
    this.#app.known.events = [];
    this.#abort = new AbortController();
    void this.#follow(this.#abort.signal);
  }

  stop(): void {
    this.#abort?.abort();
    this.#abort = null;
  }

  async #follow(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#read(signal);
      } catch {
        // Who asks for the numbers notices the same, and says it.
      }
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }

  async #read(signal: AbortSignal): Promise<void> {
    const { api, known } = this.#app;
    if (known.events.length === 0) this.#add(await api.list<Event>("/v1/events"));
    const last = known.events[0]?.id ?? null;
    const body = await api.stream("/v1/events?follow=true", last, signal);
    const stream = new EventStream();
    const reader = body.pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      this.#add(stream.push(value).map((data) => JSON.parse(data) as Event));
    }
  }

  /** In the order in which they happened. */
  #add(events: readonly Event[]): void {
    if (events.length === 0) return;
    const { known } = this.#app;
    const newest = known.events[0]?.id ?? -1;
    const fresh = events.filter(({ id }) => id > newest).reverse();
    known.events = [...fresh, ...known.events].slice(0, MOST);
    this.#app.render();
  }
}
