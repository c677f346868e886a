import { EventEmitter } from "node:events";

/** Event name → the arguments of its listeners. */
type EventMap<E> = Record<keyof E, unknown[]>;

/** One event, with its arguments. */
export type EventOf<E extends EventMap<E>> = { [K in keyof E]: [event: K, ...args: E[K]] }[keyof E];

/** A listener of the event `K`. */
export type ListenerOf<E, K extends keyof E> = (...args: Extract<E[K], unknown[]>) => void;

/**
 * What a Node EventEmitter has, for the events of `E`. It is written out because `@types/node` types names and arguments only
 * in some versions, and a program that uses the library may have none of it.
 */
export interface Emits<E> {
  on<K extends keyof E>(event: K, listener: ListenerOf<E, K>): this;
  once<K extends keyof E>(event: K, listener: ListenerOf<E, K>): this;
  off<K extends keyof E>(event: K, listener: ListenerOf<E, K>): this;
  addListener<K extends keyof E>(event: K, listener: ListenerOf<E, K>): this;
  removeListener<K extends keyof E>(event: K, listener: ListenerOf<E, K>): this;
  prependListener<K extends keyof E>(event: K, listener: ListenerOf<E, K>): this;
  prependOnceListener<K extends keyof E>(event: K, listener: ListenerOf<E, K>): this;
  removeAllListeners(event?: keyof E): this;
  emit<K extends keyof E>(event: K, ...args: Extract<E[K], unknown[]>): boolean;
  listenerCount<K extends keyof E>(event: K, listener?: ListenerOf<E, K>): number;
  listeners<K extends keyof E>(event: K): ListenerOf<E, K>[];
  rawListeners<K extends keyof E>(event: K): ListenerOf<E, K>[];
  eventNames(): (keyof E)[];
  setMaxListeners(count: number): this;
  getMaxListeners(): number;
}

const TypedEventEmitter = EventEmitter as unknown as new <E>() => Emits<E>;

/** A typed EventEmitter whose listeners cannot disturb the code that emits. */
export class Emitter<E extends EventMap<E>> extends TypedEventEmitter<E> {
  /** Emits. What a listener throws becomes an uncaught error of its own, so that the emitting code goes on undisturbed. */
  protected tell(...event: EventOf<E>): void {
    try {
      (this as unknown as EventEmitter).emit(...(event as [event: string, ...args: unknown[]]));
    } catch (error) {
      setTimeout(() => {
        throw error;
      });
    }
  }
}
