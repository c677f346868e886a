/** The states of a connection, and what it holds of the pool. Numbers, so that they fit a slot of shared memory. */

/** Where there is no connection. */
export const FREE = 0;
export const QUEUED = 1;
export const CONNECTING = 2;
export const RELAYING = 3;
/** It gets no target, and is being told so. An Io may have states of its own for that, between LINGERING and ACCEPTED. */
export const ANSWERING = 4;
/** Our FIN is sent; what the client still sends is dropped. */
export const LINGERING = 5;
/** Between its accept and the first decision. */
export const ACCEPTED = 8;
/** One end has failed; what it had sent is still being delivered to the other. */
export const DELIVERING = 9;
/** It waits for what other balancers know of its client, before it asks for a permit: looking-up.ts. */
export const LOOKING_UP = 13;
export const ENDED = 15;

export function isWaiting(state: number): boolean {
  return state === QUEUED || state === LOOKING_UP;
}

// Holds: bits.
export const PERMIT = 1;
export const ROW = 2;
