/** What came of reading something from the beginning of what a peer has sent so far. */

export type Parsed<T> = Whole<T> | NeedsMore | Malformed;

/** It is there; `length` bytes belong to it, and what follows them is somebody else's. */
export interface Whole<T> {
  readonly type: "whole";
  readonly length: number;
  readonly value: T;
}

/** It may still become one. Before there are `length` bytes in all, reading again is of no use; it never takes fewer. */
export interface NeedsMore {
  readonly type: "more";
  readonly length: number;
}

/** It never becomes one, whatever follows. */
export interface Malformed {
  readonly type: "bad";
  /** For the log: fixed words, nothing that the peer has sent. */
  readonly reason: string;
}

export function whole<T>(length: number, value: T): Whole<T> {
  return { type: "whole", length, value };
}

export function more(length: number): NeedsMore {
  return { type: "more", length };
}

export function bad(reason: string): Malformed {
  return { type: "bad", reason };
}
