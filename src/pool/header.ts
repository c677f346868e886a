/** Names for the words of a pool's header and for the values that the words of a row take (layout.ts). */

// Words of `header`. The lock has a cache line to itself, so that threads that spin on it disturb no other word.
export const LOCK = 0;
/** Counts how often the lock was taken: shows that its owner is alive. */
export const LOCK_TURNS = 1;
/** How often the memory has moved: beside the lock, so that who takes that has this at hand. */
export const VERSION = 2;
/** Rows in use are below this. */
export const SPAN = 16;
/** Connections that hold a permit. */
export const PERMITS = 17;
/** The most there may be here; -1: no limit. */
export const CONCURRENCY = 18;
export const WAITING = 19;
export const HEAD = 20;
export const TAIL = 21;
export const FREE_NODE = 22;
/** Queue nodes below this have been used at least once; those above are not on the free list. */
export const NODES = 23;
/** Counts (31 bits, wrapping) how often a target came to have room, or a full one ceased to be worth waiting for. */
export const ROOM_EVENTS = 24;
/** The row that the next pick is to try, plus one; 0: none is. See ejection.ts. */
export const TRIAL = 25;
/** Rows that are looked at again and again: see SharedPool.observe(). */
export const WATCHED = 26;
/** Targets that are out for what their connections have shown, and have weight: ejection.ts. */
export const OUT = 27;
/** Rows of which only a part may be used here, for a time: Rows.lapse(). */
export const CREDITED = 28;
/** ms that a client without a binding waits at most for what other balancers know of it: look-ups.ts. 0: none waits. */
export const LOOK_UP_MS = 29;
/** Counts (31 bits, wrapping) the clients that were to be looked up, and up to which of them that is done. */
export const LOOK_UPS_WANTED = 30;
export const LOOK_UPS_DONE = 31;
/** The waiter whose turn it is: its node plus one. It has left the list, and its node is free once it has picked. 0: nobody's. */
export const GRANTED = 32;
/** 1: grant() was called while it was somebody's turn. */
export const MISSED = 33;
/** Slots of the table of bindings that are taken, also by bindings that have expired. */
export const BINDINGS = 34;
/** Buckets of that table in use. */
export const BUCKETS = 35;
/** 2^n - 1, n the bits of a hash that name a bucket: BUCKETS is above half of it. */
export const BUCKET_MASK = 36;
/** Counts (wrapping) bindings that had not expired and were given up for others. */
export const EVICTIONS = 37;
/** The slot of the binding that a connection was last opened by. */
export const LAST_BINDING = 38;
/** How many connections in a row were opened by that one, after the first. */
export const LAST_BINDING_RUN = 39;
/** 1: those who find no target that is up wait for one, as there has been none since the balancer's start. */
export const HOLDING = 40;
/** The list of waiters that have half-closed without having sent anything. */
export const SILENT_HEAD = 41;
export const SILENT_TAIL = 42;
export const SILENT = 43;
/** Waiters that have lost their places and have not been told yet. */
export const LOST = 44;
/** Not 0: those who find no target that is up wait for one, and try no suspect meanwhile. BY_OPTION, FOR_SLEEPERS. */
export const PATIENCE = 45;
/** 1: other balancers are to be told of new bindings, of which there have been so many (31 bits, wrapping): see binding-exchange.ts. */
export const SHARING = 46;
export const NEWS = 47;
/** The number of rows of each availability, from here on: COUNTS + OPEN and so on. They have a cache line to themselves. */
export const COUNTS = 48;
/** The largest rank that serves, and the largest that serves next: groups.ts. */
export const SERVING_RANK = 60;
export const NEXT_RANK = 61;
/** Counts (wrapping) how often ranks have changed groups. */
export const REGROUPED = 62;
/** Up to which client looking up has begun, as LOOK_UPS_WANTED counts: the next one has the creator told. */
export const LOOK_UPS_BEGUN = 63;
export const HEADER_WORDS = 64;

// Bits of PATIENCE.
/** The operator has said so. */
export const BY_OPTION = 1;
/** There is a target that starts when somebody waits. */
export const FOR_SLEEPERS = 2;

// Words of `clocks` (doubles).
/** Counts picks, for algorithms that break ties by the least recent one. */
export const PICKS = 0;
/** Counts arrivals in the queue. */
export const ARRIVALS = 1;
/** Counts waiters that have half-closed without having sent anything. */
export const SILENCES = 2;
/** Counts targets that were taken out for what their connections have shown, by observation: EJECTIONS + its index in OBSERVATIONS. */
export const EJECTIONS = 3;
/** When the first of the rows lapses that are CREDITED; it may be one that has been renewed since. */
export const FIRST_LAPSE = 7;
export const CLOCK_WORDS = 8;

/** `limit` of a row: not one connection. */
export const NO_ROOM = -1;

// `state` of a row. A row that is LEFT belongs to a target that has been removed and still has connections.
export const FREE = 0;
export const UP = 1;
export const SUSPECT = 2;
export const DRAINING = 3;
export const DOWN = 4;
export const LEFT = 5;
/** Up, but silent for a moment: see silence.ts. Nobody outside of the pool sees that. */
export const HUSHED = 6;

// `group` of a row (groups.ts). The last bit says which picker has it: those that stand by are with the one of the next.
/** It serves. */
export const SERVING = 0;
/** It serves while none of those can. */
export const NEXT = 1;
/** It takes nothing, while one of either group is up. */
export const STANDING_BY = 3;
/** To a group: the number of its picker. */
export const PICKER = 1;

// `availability` of a row: what a pick may do with it. It follows from state, weight, limit, active count and its group, and is
// stored because the counts per availability answer "is there room?" and "is there anybody?" at once. Those that are up are OPEN or
// FULL, or in the next group BACKUP or BACKUP_FULL, or STANDBY; suspects of any group are a last resort.
export const CLOSED = 0;
export const OPEN = 1;
export const FULL = 2;
export const BACKUP = 3;
export const BACKUP_FULL = 4;
export const LAST_RESORT = 5;
export const LAST_RESORT_FULL = 6;
export const STANDBY = 7;
/** Picked when no row is OPEN; whoever is bound to it stays so. */
export const QUIET = 8;
export const AVAILABILITIES = 9;
