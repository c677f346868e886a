/**
 * Where the balancers of a group write down what they know, for each other to read. Each writes under its own id alone, but for what operators
 * order, which is everybody's: there the newest word holds. Values are text, which the store does not look at.
 */

import type { Claimed, Claims } from "./permits.ts";

/** What a balancer has written down, one text a name: of its targets, say. */
export type Texts = ReadonlyMap<string, string>;

/** Names of what each balancer writes for itself. */
export type Section = "targets" | "bindings" | "shares";
/** Names of what is everybody's. */
export type CommonSection = "orders" | "revoked";

export interface Changes {
  /** What is new or another one. */
  readonly set: Texts;
  readonly remove: readonly string[];
  /** What was there before and is not in `set` goes. */
  readonly anew: boolean;
  /** A text that is set with them, beside them, and by which the writer sees whether what he wrote last is what was there. */
  readonly mark?: readonly [name: string, text: string];
  /** What the mark has to be for anything to be done: a store that has forgotten what was there would have a part, which looks like all. */
  readonly after?: string | undefined;
}

/** A value of a common section. That of two with the larger `at` holds, and of two of the same time the one with the larger text. */
export interface Stamped {
  readonly text: string;
  /** ms since 1970, by the clock of whoever has written it. */
  readonly at: number;
}

/** The code of an error: it has yet to be reached for the first time, and nothing is known that would be in the way. */
export const OPENING = "GROUP_OPENING";

/**
 * Rejects with HarmonyError when it cannot be asked: OPENING, `GROUP_LOST` (no connection, or none in time), `GROUP_REFUSED` (it does not take the
 * password, is read-only, is full …). Each call takes bounded time. It connects by itself, again and again.
 */
export interface GroupStore {
  /** What a balancer says of itself counts from now on; gives what all of them, this one as well, had said before. One round trip. */
  say(id: string, word: string): Promise<Texts>;
  /** What all of them have said: where the store takes nothing, it may still be read. */
  words(): Promise<Texts>;
  /**
   * All or nothing. `word` as in say(), null: what it has said stays, or is missed by it where the store has forgotten everything; `hint` goes to whoever listens, if it does not get lost. Gives what the mark was before; null: there was
   * none, or none is given. Nothing is done, nor said, where that is not what it is written `after`.
   */
  write(id: string, section: Section, changes: Changes, word: string | null, hint: string): Promise<string | null>;
  /** `names`: only these; null: all. */
  read(id: string, section: Section, names: readonly string[] | null): Promise<Texts>;
  /** Everything of that balancer goes. */
  forget(id: string, hint: string): Promise<void>;
  /**
   * Each counts unless what is there is newer, or as new with the larger text. Gives the times of those whose own are too far ahead of the store's
   * clock (../util/ahead.ts), and which have these instead; what is there with such a time gives way to any.
   */
  stamp(
    section: CommonSection,
    values: ReadonlyMap<string, Stamped>,
    hint: string,
  ): Promise<ReadonlyMap<string, number>>;
  /** Those that are still as they are here go. Tells nobody. */
  discard(section: CommonSection, values: ReadonlyMap<string, Stamped>): Promise<void>;
  readStamped(section: CommonSection): Promise<ReadonlyMap<string, Stamped>>;
  /**
   * What that balancer holds of pools' permits is this from now on, and as much more as it wants and is free (permits.ts). One round trip, in
   * which nobody else claims anything. `hint` goes out if others are to do something about it. null: a later claim was there before.
   */
  claim(id: string, claims: Claims, hint: string): Promise<Claimed | null>;
  /** A hint has come, from this balancer itself as well. They may get lost, or come twice. */
  onHint: (hint: string) => void;
  /** It can be asked again: who has heard no hints meanwhile looks at everything. `isSame`: it is known to be the server it was, with its data. */
  onConnected: (isSame: boolean) => void;
  /** Nothing is asked after this. Never rejects. */
  close(): Promise<void>;
}
