/** What an operator decides about every connection, under the names of the option table. Times in ms. */
export interface LifecycleOptions {
  /** Further targets tried after a failed connect. 0 tries one target only. */
  readonly requeue: number;
  /** How long connecting to a target may take. > 0. */
  readonly connectTimeout: number;
  /** How long no byte may move either way before a relay is ended. 0: no limit. */
  readonly idleTimeout: number;
  /** How long a connection may wait for its turn. > 0. */
  readonly queueTimeout: number;
  /** The same while no target is up, in a pool in which connections wait for one then. 0: as long as `queueTimeout`. */
  readonly queueWhenEmpty: number;
}

/** The most that `requeue` may be: if this many targets cannot be reached, trying more does not help. Bounds what is remembered of a connection. */
export const MOST_REQUEUES = 100;

/** These options alone, which can be posted to a thread, out of an object that holds more. */
export function lifecycleOptions(settings: LifecycleOptions): LifecycleOptions {
  const { requeue, connectTimeout, idleTimeout, queueTimeout, queueWhenEmpty } = settings;
  return { requeue, connectTimeout, idleTimeout, queueTimeout, queueWhenEmpty };
}
