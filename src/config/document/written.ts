/** What a file, or the library, writes of a balancer: each option as it was given, by the table that it stands in. */
import type { Source } from "../values.ts";
import type { WrittenRoute } from "./written-routes.ts";

export interface Written {
  /** The top level: the process, and the defaults of all pools. */
  readonly top: Source;
  readonly pools: ReadonlyMap<string, Section>;
  readonly listeners: ReadonlyMap<string, ListenerSection>;
}

/** A pool or a listener. */
export interface Section {
  /** Where it is defined, as messages say it. */
  readonly at: string;
  readonly source: Source;
  /** It says where it listens, be that right or wrong. */
  readonly listens: boolean;
}

export interface ListenerSection extends Section {
  /** In their order. null: it is wrong, which has been said; so it has where there is none. */
  readonly routes: readonly (WrittenRoute | null)[];
}

export const NOTHING_WRITTEN: Written = { top: new Map(), pools: new Map(), listeners: new Map() };
