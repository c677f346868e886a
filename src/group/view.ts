/** The group as those see it who operate a balancer of it. */

/** A balancer of the group, as another one knows it, or itself. */
export interface MemberView {
  /** Drawn at each start. */
  readonly id: string;
  /** For people: what its host is called, and the port of its reporters. */
  readonly name: string;
  readonly version: string;
  readonly isSelf: boolean;
  /**
   * `left`: it has said goodbye. `gone`: nothing has been heard of it for long. What such a one vouched for runs out, and then nobody knows it any more.
   */
  readonly state: "present" | "left" | "gone";
  /** ms since it was heard last. */
  readonly heardMs: number;
  /** ms since 1970. */
  readonly startedAt: number;
  /** Targets that it vouches for: its own reporters speak for them. */
  readonly targets: number;
  /** Reporters connected to it. */
  readonly reporters: number;
  /** Of its clients, in all of its pools. */
  readonly active: number;
  readonly waiting: number;
}

export interface GroupView {
  readonly name: string;
  /** Where it meets, without a password: `redis://10.0.0.5:6379/0`. */
  readonly place: string;
  /** `connecting`: it has not been reached yet. `lost`: what was known stays in force, and nothing new is learnt, unless the store can be read and takes nothing alone. */
  readonly state: "connecting" | "connected" | "lost";
  /** ms since 1970, of that state. */
  readonly since: number;
  /** Why it is lost, or what is in the way of reaching it; null: it is not, or nothing is known to be. */
  readonly reason: string | null;
  /** This one first, then by name. */
  readonly members: readonly MemberView[];
  /** Targets that this balancer knows from others alone. */
  readonly sharedTargets: number;
}
