/** States of a connection that is answered by a handler in the main thread, beside those of proxy/lifecycle.ts. */
import { RELAYING } from "../../../proxy/states.ts";

/** The way to the handler is being connected. */
export const BRIDGING = 6;
/** Client and handler are relayed. */
export const BRIDGED = 7;

/** Whether bytes are moved between its two ends. */
export function isRelayed(state: number): boolean {
  return state === RELAYING || state === BRIDGED;
}
