import { EventEmitter } from "node:events";

/** Event name → the arguments of its listeners. */
type EventMap<E> = Record<keyof E, unknown[]>;

/** A typed EventEmitter whose listeners cannot disturb whoever emits. */
export class Emitter<E extends EventMap<E>> extends EventEmitter<E> {
  /** Emits; what a listener throws becomes an uncaught error of its own, so that the emitting code goes on undisturbed. */
  protected tell<K extends keyof E & string>(event: K, ...args: E[K]): void {
    try {
      (this as EventEmitter).emit(event, ...args);
    } catch (error) {
      setTimeout(() => {
        throw error;
      });
    }
  }
}
