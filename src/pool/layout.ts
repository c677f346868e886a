/** Names for the words of a pool's shared memory (table.ts) and for what stands in them. */

// Words of `header`. The lock has a cache line of its own: threads that spin on it disturb no other word.
export const LOCK = 0;
export const TURNS = 1;
/** Rows in use are below this. */
export const SPAN = 16;
export const SIZE = 17;
export const PLACES = 18;
export const CONCURRENCY = 19;
export const WAITING = 20;
export const HEAD = 21;
export const TAIL = 22;
export const FREE_NODE = 23;
/** Queue nodes below this have been used at least once; those above are not on the free list. */
export const NODES = 24;
/** Counts (31 bits, wrapping) how often a target came to have room. */
export const ROOM_EVENTS = 25;
/** Which of the two hash tables is read. */
export const HASH_SIDE = 26;
/** Rows of each standing: STANDING + standing. */
export const STANDING = 27;
export const HEADER_WORDS = 48;

// Words of `clocks` (doubles).
export const PICKS = 0;
export const VIRTUAL_TIME = 1;
export const ARRIVALS = 2;
export const CLOCK_WORDS = 8;

// `state` of a row.
export const FREE = 0;
export const UP = 1;
export const SUSPECT = 2;
export const DRAINING = 3;
export const DOWN = 4;
export const LEFT = 5;

// `standing` of a row: what a pick may do with it. Derived from state, weight, limit and active count, kept because the
// counts per standing answer "is there room?" and "is there anybody?" at once.
export const CLOSED = 0;
export const OPEN = 1;
export const FULL = 2;
export const LAST_RESORT = 3;
export const LAST_RESORT_FULL = 4;
export const STANDINGS = 5;
