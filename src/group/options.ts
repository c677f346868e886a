/** What a group is made of, and what it tells. */
import type { Clock } from "../util/clock.ts";
import type { EventOf } from "../util/emitter.ts";
import type { Taker } from "./offers.ts";
import type { Part } from "./part.ts";
import type { OwnTarget } from "./record.ts";
import type { GroupStore } from "./store.ts";
import type { MemberView } from "./view.ts";
import type { Word } from "./word.ts";

/** What this balancer says of itself. */
export type Facts = Pick<Word, "name" | "version" | "host" | "startedAt" | "reporters" | "active" | "waiting">;

export interface GroupEvents {
  connected: [];
  /** It cannot be reached, and has not been yet. Once, however often it is tried. */
  unreached: [reason: string];
  /** `isHeard`: the store takes nothing, and what others have written is read all the same. */
  lost: [reason: string, isHeard: boolean];
  /** Those that are there when this balancer comes, if any are: one that has died is told to be `left` once it has been silent for long. */
  found: [members: readonly MemberView[]];
  joined: [member: MemberView];
  left: [member: MemberView, why: "goodbye" | "silent"];
  /** A target that another balancer vouches for cannot be used here. */
  refused: [name: string, by: string, why: string];
  /** Something else goes wrong. */
  warning: [message: string];
}

export interface GroupOptions {
  /** For people: what the group is called, and where it meets. */
  readonly name: string;
  readonly place: string;
  readonly store: GroupStore;
  /** Drawn at the start: no two balancers, and no two lives of one, have the same. */
  readonly id: string;
  readonly clock: Clock;
  /** ms since 1970. */
  readonly wallClock: () => number;
  /** How long a report counts, ms. */
  readonly lease: number;
  readonly facts: () => Facts;
  /** What this balancer's own reporters say of that target, as long as it counts. */
  readonly own: (name: string) => OwnTarget | null;
  readonly taker: Taker;
  /** Whether the key with that fingerprint has been revoked, as far as this balancer knows. */
  readonly isRevoked: (fingerprint: string) => boolean;
  /** Targets known from others alone. */
  readonly sharedTargets: () => number;
  /** Connections that the target of that name has here. */
  readonly active: (name: string) => number;
  /** What is shared beside targets. */
  readonly parts: readonly Part[];
  readonly onEvent: (...event: EventOf<GroupEvents>) => void;
}
