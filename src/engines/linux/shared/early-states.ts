/** States of a connection that is no pool's yet, beside those of proxy/states.ts: it holds no permit, and leaves no record. */
import { ENDED, FREE } from "../../../proxy/states.ts";

/** It has yet to say what its listener wants to know. */
export const RECEIVING = 10;
/** It was refused, and is kept waiting for that. */
export const TARPITTED = 11;
/** It was refused with a text; what it still sends is dropped. */
export const DISMISSED = 12;

/** Whether it is some pool's connection. */
export function isServed(state: number): boolean {
  return state !== FREE && state !== ENDED && !isEarly(state);
}

export function isEarly(state: number): boolean {
  return state >= RECEIVING && state <= DISMISSED;
}
