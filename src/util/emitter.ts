import { EventEmitter } from "node:events";

/** Event name → the arguments of its listeners. */
type EventMap<E> = Record<keyof E, unknown[]>;

/** One event, with its arguments. */
export type EventOf<E extends EventMap<E>> = { [K in keyof E]: [event: K, ...args: E[K]] }[keyof E];

/** A typed EventEmitter whose listeners cannot disturb the code that emits. */
export class Emitter<E extends EventMap<E>> extends EventEmitter<E> {
  /** Emits. What a listener throws becomes an uncaught error of its own, so that the emitting code goes on undisturbed. */
  protected tell(...event: EventOf<E>): void {
    try {
      (this as EventEmitter).emit(...(event as [event: string, ...args: unknown[]]));
    } catch (error) {
      setTimeout(() => {
        throw error;
      });
    }
  }
}
