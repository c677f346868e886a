/** What all of a run agree about: names, ports, times. The ports are those of networks of its own. */

/** What a server does with requests. */
export type Mode = "well" | "silent" | "closes" | "errors" | "slow";

export const HTTP_PORT = 8080;
/** What HAProxy asks beside each server. */
export const AGENT_PORT = 8081;
/** Where the balancer under test is for clients, and for reporters: Harmony's own defaults. */
export const CLIENT_PORT = 3000;

export const HOSTS = 3;
/** ms */
export const ANSWER_MS = 20;
export const SLOW_TIMES = 10;

/** Requests a second, each on a connection of its own. */
export const RATE = 100;
export const REQUESTS = 1000;
/** Before the fault: what a balancer learns from traffic it has learned then. */
export const WARM_UP_REQUESTS = 300;
/** ms that the fault lasts; the rest of the requests come after it. */
export const FAULT_MS = 6_000;
/** ms after which a client gives up. */
export const PATIENCE_MS = 3_000;
/** ms after which a target that has not come back counts as gone for good. */
export const BACK_MS = 60_000;

/** The balancer's address on the cable to a host, and the host's. */
export const hereOf = (host: number): string => `10.77.${host}.1`;
export const addressOf = (host: number): string => `10.77.${host}.2`;
