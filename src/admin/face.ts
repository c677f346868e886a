/**
 * What the API, the dashboard and the metrics need of the balancer. The app implements it; whatever is refused comes as a HarmonyError.
 * Lists that can be long are read in slices, so that no client of the pools waits for a reader.
 */

import type { PutTarget, Steps } from "./api/schemas/acts.ts";
import type { Page } from "./api/schemas/common.ts";
import type { Connection, ConnectionFilter, ConnectionSort } from "./api/schemas/connections.ts";
import type { Group, GroupTargets } from "./api/schemas/group.ts";
import type { Event, Key, Reporter } from "./api/schemas/people.ts";
import type { History, Listener, Pool } from "./api/schemas/pools.ts";
import type { Status } from "./api/schemas/status.ts";
import type { Binding, Target } from "./api/schemas/targets.ts";

/** `act` may do all that `read` may. */
export type Right = "read" | "act";

/** Who asks: a token's name, or `socket`. `pool`: all that he sees and may act on; null: everything. */
export interface Asker {
  readonly name: string;
  /** Where he is; left out: on this host. */
  readonly address?: string | undefined;
  /** It is a page that a link has signed in, not the token itself. */
  readonly isPage?: boolean;
  readonly right: Right;
  readonly pool: string | null;
}

export interface Span {
  readonly offset: number;
  readonly limit: number;
}

export interface OrderWord {
  readonly state?: "drain" | "maintain" | null;
  readonly factor?: number | null;
  readonly reason?: string | undefined;
}

export interface GroupTargetFilter {
  readonly pool?: string | undefined;
  readonly target?: string | undefined;
}

export interface Operated {
  status(): Promise<Status>;
  pools(): Promise<readonly Pool[]>;
  /** Throws `NO_POOL`. */
  targets(pool?: string): Promise<readonly Target[]>;
  /** Throws `NO_POOL`, `NO_TARGET`. */
  target(pool: string, id: string): Promise<Target>;
  listeners(): readonly Listener[];
  connections(
    filter: ConnectionFilter,
    sort: ConnectionSort,
    ascending: boolean,
    span: Span,
  ): Promise<Page<Connection>>;
  bindings(filter: { readonly pool?: string; readonly client?: string }, span: Span): Promise<Page<Binding>>;
  reporters(): readonly Reporter[];
  keys(): readonly Key[];
  /** null: it is in none. */
  group(): Group | null;
  /** Asks the others, and waits for them a second at most; null: it is in none. Throws `NO_POOL`. */
  groupTargets(filter: GroupTargetFilter, span: Span): Promise<GroupTargets | null>;
  /** Those after that one that are still kept, the oldest first. */
  events(after: number): readonly Event[];
  /** Calls `listener` at each event from now on, until what is given back is called. */
  onEvent(listener: (event: Event) => void): () => void;
  /** Throws `NO_POOL`. */
  history(pool: string): History;
  /** The effective settings, without secrets. */
  document(): unknown;

  reload(): Promise<Steps>;
  compare(file: string | null): Steps;
  /** `toml`: a document, in force until the next reload or restart. */
  apply(toml: string): Promise<Steps>;
  /** Throws `NO_TARGET`. An order that says nothing any more is gone. */
  order(pool: string, target: string, word: OrderWord, by: Asker): Promise<Target>;
  kill(filter: ConnectionFilter): Promise<number>;
  setLogLevel(level: string | null, by: Asker): Promise<void>;
  putTarget(pool: string, id: string, said: PutTarget, by: Asker): Promise<Target>;
  /** Throws `NO_TARGET`. */
  deleteTarget(pool: string, id: string, by: Asker): Promise<void>;
}
