import type { NetCode } from "../net/net-error.ts";
import type { TargetSpec, TargetState, TargetView } from "../pool/pool.ts";

/** What is needed of a Pool here. */
export interface TargetPool {
  set(spec: TargetSpec, state: TargetState): void;
  setState(identity: string, state: TargetState, failure?: NetCode): boolean;
  remove(identity: string): boolean;
  view(identity: string): TargetView | undefined;
  suspects(): readonly TargetView[];
  /** See panic.ts. */
  panic: boolean;
  /** It has as many targets as it may have. */
  readonly full: boolean;
  /** Clients that lost their target because there are as many bindings as there may be. */
  readonly evictions: number;
  /** The address that all of many connections in a row came from, which stickiness sends to one target of several; or null. */
  readonly loneClient: string | null;
}
