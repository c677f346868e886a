/** What balancers of a group say to each other of targets. */
import type { TcpAddress } from "../net/runtime.ts";
import type { Report } from "./report.ts";

/** What another balancer says of a target. */
export interface SharedTarget {
  /** The last one that it has had. */
  readonly report: Report;
  /** Where the target is dialled: the address as that balancer sees it, or has resolved it. */
  readonly address: TcpAddress;
  /** With which it was registered there: the key's id. */
  readonly key: string;
  /** Where that balancer sees its reporter; absent: it has none, or nothing is known of it. */
  readonly seen?: string | undefined;
  /** What that balancer is called. */
  readonly by: string;
  /** ms since 1970, by its clock: when the reporter began to say this. */
  readonly since: number;
  /** Likewise: when that balancer wrote this down. */
  readonly at: number;
}

/** What others are to be told. */
export interface OwnWordOptions {
  /**
   * What reporters of this balancer's own say of that target may be another thing now, or nothing any more. `left`: what other balancers call
   * it, where its reporter has said that it leaves and what they say of it was dropped for that.
   */
  readonly onWord?: ((identity: string, left: string | null) => void) | undefined;
  /** Connections to that target, which drains, at balancers that its reporter does not speak to. */
  readonly elsewhere?: ((identity: string) => number) | undefined;
}
