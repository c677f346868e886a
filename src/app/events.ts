/** What a balancer tells, beside what happens on its control channel. */
import type { Step } from "../config/document/difference.ts";
import type { Revocation } from "../control/protocol/revocation.ts";
import type { ControlEvents } from "../control/server/server.ts";
import type { MemberView } from "../group/view.ts";
import type { CloseRecord } from "../proxy/record.ts";
import type { Run } from "../targets/removal/rebalancing.ts";
import type { Removed } from "../targets/removal/removals.ts";
import type { RefusalFacts } from "../telemetry/refusal-watch.ts";
import type { UnavailableFacts } from "../telemetry/unavailable-counter.ts";
import type { InvitedEvents } from "./invited.ts";

export interface BalancerEvents extends ControlEvents, InvitedEvents {
  /** All ports are bound. */
  listening: [];
  /** A client's connection has ended, however far it came. `record.pool` names its pool. */
  connectionClose: [record: CloseRecord];
  /** Connections got no target, for one reason: the first of an outage at once, and then sums of ever longer times. `text`: one line of it. */
  unavailable: [text: string, facts: UnavailableFacts];
  /** A listener has turned clients away before they were served: the first at once, and then sums of ever longer times. `text`: one line of it. */
  clientsRefused: [text: string, facts: RefusalFacts];
  /** Connections of a target that takes no new ones were ended, as its pool keeps none (`on-down`). */
  connectionsRemoved: [removed: Removed];
  /** The first connection has been ended to make room for a target that has come (`rebalance`). */
  rebalancing: [pool: string, run: Run];
  /** No more are ended: the shares are even, or what is left is younger than the target. */
  rebalanced: [pool: string, run: Run];
  /** An operator has ordered another level of the log, or (null) taken that back; `by`: who. */
  logLevel: [ordered: string | null, by: string];
  /** A key file was created; `hint` is one line on how to copy it to other hosts. */
  keyCreated: [hint: string];
  /** Operators of this machine have revoked these keys (`harmony-balancer key revoke`). */
  keysRevoked: [revocations: readonly Revocation[]];
  /** A reporter has asked for the port, and clients of the pool can connect there. */
  serviceOpened: [pool: string, port: number];
  /** Nobody has asked for the port for a while: it is closed, and the pool is gone if that was its last. */
  serviceClosed: [pool: string, port: number];
  /** What the balancers of the group know is shared from now on; `place`: where they meet, without a password. Told again after it was lost. */
  groupConnected: [place: string];
  /** The place cannot be reached, and has not been yet: this balancer serves by itself until it is. Told once, however often it is tried. */
  groupUnreached: [place: string, reason: string];
  /**
   * The place is not reached any more, or refuses: what was known of others stays in force. Told once, however often it is tried. `isHeard`: it takes nothing,
   * and what others have written there is read all the same.
   */
  groupLost: [place: string, reason: string, isHeard: boolean];
  /** This balancer has come into the group, and these are there already. */
  membersFound: [members: readonly MemberView[]];
  /** Another balancer has come into it. */
  memberJoined: [member: MemberView];
  /** Another balancer is in it no more: it said goodbye, or nothing has been heard of it for long. */
  memberLeft: [member: MemberView, why: "goodbye" | "silent"];
  /** Another document is about to be read; `reloaded` or `reloadFailed` follows. */
  reloading: [];
  /** Another document is in force. `steps`: what was done; none where it says the same. */
  reloaded: [steps: readonly Step[]];
  /** A document was not taken, and nothing has changed. */
  reloadFailed: [error: Error];
  /** It could not start. If nobody listens and nobody has asked for `ready`, the error is thrown as an uncaught one. */
  error: [error: Error];
  /** It has stopped and holds nothing any more. */
  close: [];
}
