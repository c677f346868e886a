/** Something that the balancers of a group share beside their targets, as what operators order. The group gives it its turns. */
import type { PartKind } from "./hint.ts";
import type { Member } from "./members.ts";
import type { GroupStore } from "./store.ts";

export interface Turn {
  readonly store: GroupStore;
  /** This balancer's. */
  readonly id: string;
  /** The others, those that are gone for less than a lease as well. */
  readonly members: ReadonlyMap<string, Member>;
  /** Tells the others to read at once what is written with it. */
  readonly hint: string;
  /** ms since 1970. */
  readonly now: number;
  /** This balancer stops: it takes no new clients. */
  readonly isLeaving: boolean;
}

export interface Part {
  readonly kind: PartKind;
  /** The group's: there is something to share, and it is not to wait. */
  onDue: () => void;
  /** Before the first turn. */
  begin?(): void;
  /** Others may have written: it is to be read. `asks`: one of them wants to know what this balancer has of it. `by`: the one that has written; left out: any. */
  stale(asks?: boolean, by?: string): void;
  /** The store may have forgotten everything: what this balancer knows is to be written. */
  forgotten(): void;
  /** There is another connection to the store, and it may be to another server, or to other data. */
  reconnected?(): void;
  /** Writes and reads what is due, about once a second and when the group is woken. Rejects as the store does. */
  share(turn: Turn): Promise<void>;
  /** Pools and targets are there that were not: before clients come that are served by them. */
  offered?(): void;
  /** The balancer has stopped: its connections have ended, and there is no turn after this. */
  end?(turn: Turn): Promise<void>;
}
