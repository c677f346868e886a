/** What the sections of a document may hold. */
import { balancerOptions } from "../balancer-options.ts";
import type { Values } from "../option.ts";
import { poolOptions } from "../pool-options.ts";

const { listen } = balancerOptions;
const { keepalive } = poolOptions;

/** `listen` makes the listener of the pool's name. */
export const poolSection = { listen, ...poolOptions } as const;
export type SectionValues = Values<typeof poolSection>;

/** Beside `routes`. */
export const listenerSection = { listen, keepalive } as const;
export type ListenerValues = Values<typeof listenerSection>;
