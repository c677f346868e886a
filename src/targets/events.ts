import type { TcpAddress } from "../net/runtime.ts";

/** A target as events name it. */
export interface TargetInfo {
  /** `pool/id`, or `pool/address:port` for a target without an id. */
  readonly identity: string;
  readonly address: TcpAddress;
  readonly weight: number;
}

/** Why a target is out: its lease ran out; it refused a probe after its reporter was lost; its reporter said so. */
export type DownReason = "lease-expired" | "refused" | "reported";
/** `leave`: it said so. `moved`: its reporter now speaks for another target. `forgotten`: it was down for too long. */
export type LeaveReason = "leave" | "moved" | "forgotten";

/** What happened on the control channel. Nothing is logged there; the balancer decides what becomes of these. */
export type ControlEvent =
  | { readonly type: "target-up"; readonly target: TargetInfo }
  | { readonly type: "target-down"; readonly target: TargetInfo; readonly reason: DownReason }
  | { readonly type: "target-drain"; readonly target: TargetInfo }
  | { readonly type: "target-leave"; readonly target: TargetInfo; readonly reason: LeaveReason }
  /** `who`: address of the reporter and the key it named. At most one per cause, address and minute. */
  | { readonly type: "rejected"; readonly who: string; readonly code: string; readonly why: string }
  /** Something an operator should know. */
  | { readonly type: "warning"; readonly message: string; readonly cause?: unknown };
