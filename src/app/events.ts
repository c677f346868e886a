/** What a balancer tells, beside what happens on its control channel. */
import type { Step } from "../config/document/difference.ts";
import type { ControlEvents } from "../control/server/server.ts";
import type { CloseRecord } from "../proxy/record.ts";
import type { InvitedEvents } from "./invited.ts";

export interface BalancerEvents extends ControlEvents, InvitedEvents {
  /** All ports are bound. */
  listening: [];
  /** A client's connection has ended, however far it came. `record.pool` names its pool. */
  connectionClose: [record: CloseRecord];
  /** A key file was created; `hint` is one line on how to copy it to other hosts. */
  keyCreated: [hint: string];
  /** A reporter has asked for the port, and clients of the pool can connect there. */
  serviceOpened: [pool: string, port: number];
  /** Nobody has asked for the port for a while: it is closed, and the pool is gone if that was its last. */
  serviceClosed: [pool: string, port: number];
  /** Another document is in force. `steps`: what was done; none where it says the same. */
  reloaded: [steps: readonly Step[]];
  /** A document was not taken, and nothing has changed. */
  reloadFailed: [error: Error];
  /** It could not start. If nobody listens and nobody has asked for `ready`, the error is thrown as an uncaught one. */
  error: [error: Error];
  /** It has stopped and holds nothing any more. */
  close: [];
}
