/** What the sections of a document may hold. */
import { balancerOptions } from "../balancer-options.ts";
import { listenerOptions } from "../listener-options.ts";
import { namesIn } from "../names.ts";
import type { OptionTable, Values } from "../option.ts";
import { poolOptions } from "../pool-options.ts";
import { INCLUDE } from "./include.ts";

const { listen } = balancerOptions;
const { keepalive } = poolOptions;

/** What is at the top level beside options, and in listeners. */
export const POOL = "pool";
export const LISTENER = "listener";
export const ROUTES = "routes";

/** `listen` makes the listener of the pool's name, for which the options of listeners are. */
export const poolSection = { listen, ...listenerOptions, ...poolOptions } as const;
export type SectionValues = Values<typeof poolSection>;

/** Beside `routes`. */
export const listenerSection = { listen, keepalive, ...listenerOptions } as const;
export type ListenerValues = Values<typeof listenerSection>;

/** Where a key belongs that a pool's section does not have. */
export function besidePools(key: string): string | null {
  if (key === ROUTES) return "is for listeners: give it in a section such as [listener.web]";
  return key === INCLUDE || isOption(key, balancerOptions) ? ABOVE : null;
}

/** Where a key belongs that a listener's section does not have. */
export function besideListeners(key: string): string | null {
  return isOption(key, poolOptions)
    ? "is an option of pools: give it in a section such as [pool.web]"
    : besidePools(key);
}

/** In TOML all that follows a section's head belongs to the section, blank lines and indentation notwithstanding. */
export const ABOVE = "is no option of a section: give it above the first one, where the file begins";

function isOption(key: string, table: OptionTable): boolean {
  return namesIn(table, "file").options.has(key);
}
