/**
 * The options of `server()` as their users write them. What each means is said in its table. `make pack` writes it into the declarations,
 * where editors show it, by the names of these interfaces (scripts/pack/options.ts).
 */
import type { balancerOptions } from "./balancer-options.ts";
import type { listenerSection, poolSection } from "./document/section-options.ts";
import type { LibraryOptions } from "./option.ts";
import type { routeOptions } from "./route-options.ts";

/** Options of `server()`. */
export interface ServerOptions extends LibraryOptions<typeof balancerOptions> {
  /** Pools by their names. Each listens at its own `listen`, or a listener routes to it; what it does not say, the options beside it say for all. */
  pools?: Readonly<Record<string, PoolOptions>>;
  /** Listeners by their names, beside those that pools have by their `listen`. */
  listeners?: Readonly<Record<string, ListenerOptions>>;
}

/** Options of a pool of `server()`. */
export interface PoolOptions extends LibraryOptions<typeof poolSection> {}

/** Options of a listener of `server()`. */
export interface ListenerOptions extends LibraryOptions<typeof listenerSection> {
  /** Which pools serve its clients: one for all, or several by the server names and protocols of their TLS hellos. */
  routes: readonly RouteOptions[];
}

/** A route of a listener of `server()`. */
export interface RouteOptions extends LibraryOptions<typeof routeOptions> {
  /** The name of the pool. */
  pool: string;
}
