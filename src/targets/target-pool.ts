import type { Suspicion, TargetSpec, TargetState, TargetView } from "../pool/pool.ts";

/** What is needed of a Pool here. */
export interface TargetPool {
  set(spec: TargetSpec, state: TargetState): void;
  setState(identity: string, state: TargetState, failure?: Suspicion): boolean;
  setWeight(identity: string, weight: number): boolean;
  silence(identity: string, isSilent: boolean, now: number): boolean;
  remove(identity: string): boolean;
  /** Threads may have found since that other targets serve: has the algorithm take that in. */
  settle(): void;
  /** That this target has now, also one that has left. */
  connections(identity: string): number;
  view(identity: string): TargetView | undefined;
  suspects(): readonly TargetView[];
  /** See panic.ts. */
  panic: boolean;
  /** How many of its targets are asleep: see sleepers.ts. */
  sleeping: number;
  /** Connections in its queue … */
  readonly waiting: number;
  /** … and whether somebody waits there for a target. */
  readonly isWanting: boolean;
  /** It has as many targets as it may have. */
  readonly full: boolean;
  /** Clients that lost their target because there are as many bindings as there may be. */
  readonly evictions: number;
  /** The address that all of many connections in a row came from, which stickiness sends to one target of several; or null. */
  readonly loneClient: string | null;
}
