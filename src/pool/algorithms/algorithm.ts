/**
 * What an algorithm is: everything the rest of Harmony knows about it. One file per algorithm; index.ts lists them. To add one,
 * write its file and add it to that list.
 */
import type { ClientKey } from "../../util/client-key.ts";
import type { Cutter } from "../cutter.ts";
import type { PoolLayout } from "../layout.ts";
import type { Lock } from "../lock.ts";

/** `Memory`: the arrays of shared memory that it keeps for itself. */
export interface Algorithm<Name extends string = string, Memory = unknown> {
  /** As users write it. */
  readonly name: Name;
  /** How the target is picked, for help and documentation: part of a line, without a full stop. */
  readonly doc: string;
  /** What it is good for, for the documentation. */
  readonly use: string;
  /** Its pickers are told of answers (`Picker.onAnswered`), which costs a lock for each connection. Default false. */
  readonly wantsAnswers?: boolean;
  /**
   * Cuts its arrays out of the pool's memory, for as many rows; `most`: as there may be, which is alike on every balancer. They are
   * filled with zeros, and take memory only where something is written: let zeros stand for what is not there.
   */
  memory(cutter: Cutter, rows: number, most: number): Memory;
  /**
   * Both are of the same pool, which has more rows: copies what is not derived. With the lock held, and once before without it. False:
   * it begins anew, as it does without this method.
   */
  move?(from: Memory, to: Memory): boolean;
  /** Twice for each thread, once for the targets that serve and once for those that are next; the memory of each is the same for all. */
  create(context: PickerContext, memory: Memory): Picker;
}

/** What a picker may use. */
export interface PickerContext {
  /** To be read; of its fields a picker writes only `pickedAt` and `clocks[PICKS]`. */
  readonly layout: PoolLayout;
  /** The availability of the rows that it picks among: OPEN, or BACKUP: which group it picks from (groups.ts). */
  readonly takes: number;
  /** 0…2^53 - 1: for an algorithm that draws random numbers. */
  readonly seed: number;
  /** Null in all threads but the creator's: the one that may do work in prepare(). */
  readonly lock: Lock | null;
}

/** Infers an algorithm's name and the type of its memory. */
export function algorithm<const Name extends string, Memory>(spec: Algorithm<Name, Memory>): Algorithm<Name, Memory> {
  return spec;
}

/**
 * An algorithm at work in one thread, among the targets that serve or among those that are next (groups.ts). It learns through events,
 * so that a pick has next to nothing left to look at. Everything is called with the lock held, except prepare().
 */
export abstract class Picker {
  /** `client` may be nobody in particular: see hasAddress(). The best of the rows that may be picked that is not in `tried`; -1: there is none. `now`: ms, by the pool's clock. */
  abstract pick(client: ClientKey, tried: readonly number[], now: number): number;

  /** For the creator, once, before anything else: memory that is not to start as zeros. */
  clear(): void {}
  /** Rows from `start` to `end` - 1 come into use: what is not to start as zeros there. */
  grow(_start: number, _end: number): void {}
  /** A target has got the row, which may have been another's before, or has come from the other group. Its weight is set; it cannot be picked yet. */
  onAdded(_row: number): void {}
  /** The weight was `before` and is another now. `onChanged` follows. */
  onWeightChanged(_row: number, _before: number): void {}
  /** The row gets a connection, whether picked here or otherwise (a sticky binding, a last resort). `onChanged` follows. */
  onPicked(_row: number): void {}
  /** Availability, weight, state or active count may have changed: also when a connection ends, or a target goes, also into the other group. */
  onChanged(_row: number): void {}
  /**
   * The row's target has given a connection its first byte, `ms` after the pick, without the time in which the client had not asked yet:
   * connecting, and from the client's last byte before that (or from the connection, where the target speaks first) to the answer. Only
   * where the algorithm wants to know. `onChanged` does not follow.
   */
  onAnswered(_row: number, _ms: number, _now: number): void {}
  /** SPAN has outgrown the levels of trees, or a thread died in the middle of a change: what is derived is derived anew. */
  rebuild(): void {}
  /** Work that takes too long for the lock. Called before each pick, by every thread. */
  prepare(): void {}
}

/** By PICKER of a row's group. */
export type Pickers = readonly [serving: Picker, next: Picker];
