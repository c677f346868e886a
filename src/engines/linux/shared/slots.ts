/**
 * The connections of one worker thread, as numbers in shared memory: a slot of STRIDE words each, addressed by its index.
 * There is no JavaScript object per connection, so an idle one costs these 256 bytes and the collector never looks at it.
 * Shared because the main thread reads the close records straight from the slots, and closes a dead worker's descriptors.
 *
 * A connection has two ends, CLIENT and TARGET; fields marked "per end" are two words in a row. A direction is named after
 * the end it reads from. Words below are offsets into a slot; DOUBLES are offsets in 8-byte units into the same slot.
 *
 * One line of words per purpose, so that moving bytes touches two cache lines.
 */

export const CLIENT = 0;
export const TARGET = 1;

/** Words (4 bytes) per slot: four cache lines. */
export const STRIDE = 64;

// Line 1: what moving bytes needs.
/** One of the states below. */
export const STATE = 0;
/** Per end: the descriptor, or -1. Set to -1 before it is closed, so that a thread that dies in between leaks one rather than closing another's. */
export const FD = 2;
/** Per end: bits below. */
export const BITS = 4;
/** Per end: a number that events carry too, so that an event for a descriptor that was closed earlier in the same batch is told apart. */
export const GENERATION = 6;
/** Per direction: reads in a row that filled the buffer. */
export const STREAK = 8;
/** Per direction: 1 + number of its pipe, 0 without. */
export const PIPE = 10;
/** Per direction: 1 + number of its spill block, 0 without. */
export const SPILL = 12;
/** Per direction: bytes in the pipe or the spill block that its reader has not taken yet. */
export const HELD = 14;

// Line 2: what the end of a connection and its record need.
export const MOVED_IN = 8; // double: bytes client → target
export const MOVED_OUT = 9; // double
/** The time at which a byte last moved. */
export const MOVED_AT = 10; // double
/** Bytes the pool has been told of. */
export const TOLD_IN = 11; // double
export const TOLD_OUT = 12; // double
export const ROW = 26;
/** 1 when it is on the list of those with bytes to tell the pool. */
export const DIRTY = 27;
/** The end whose FIN or failure came first, plus one. 0: none yet. */
export const FIRST = 28;
/** Packed by `outcome()` once it is decided how the connection ends; 0 until then. */
export const OUTCOME = 29;
export const REQUEUES = 30;
/** errno of the last connect attempt that failed; -1 for the connect time-out. */
export const FAILURE = 31;

// Line 3: who it is, and when.
/** Four words: the client's address, IPv4 mapped. */
export const ADDRESS = 32;
export const PORT = 36;
/** Reason of the unavailable answer that is being given, as an index into CAUSES; 0 when none is. */
export const REASON = 37;
/** Unix time in ms. */
export const STARTED_AT = 19; // double
/** On the threads' common clock (now.ts), like every time here. */
export const ACCEPTED_AT = 20; // double
export const QUEUED_MS = 21; // double
/** Negative until connected. */
export const CONNECT_MS = 22; // double
/** When the stage at hand (waiting, connecting) began; the whole duration once it has ended. */
export const SINCE = 23; // double

// Line 4: time-outs and the queue.
export const WAITER = 24; // double
export const TIMER_DUE = 25; // double
/** Links of the timer's list: 1 + slot, 0 at an end. */
export const TIMER_NEXT = 52;
export const TIMER_PREVIOUS = 53;
/** 1 + bucket, 0 when no timer runs. */
export const TIMER_BUCKET = 54;
/** Number of the unavailable answer's bytes sent, then bytes still to be drained. */
export const ANSWERED = 55;
/** The pass over the queue that last found no target for it. */
export const PASS = 56;
/** The phase that the record names. */
export const PHASE = 57;
/** What it holds of the pool: bits HAS_*. */
export const HOLDS = 58;

// STATE. Every state but FREE and ENDED holds at least the client's descriptor.
export const FREE = 0;
export const QUEUED = 1;
export const CONNECTING = 2;
export const RELAYING = 3;
/** The unavailable text is being sent. */
export const ANSWERING = 4;
/** Our FIN is sent; what the client still sends is dropped. */
export const LINGERING = 5;
/** Over; its record waits for the main thread. */
export const ENDED = 6;

// BITS.
/** There may be something to read: set by an event, cleared when a read finds the socket empty. */
export const READABLE = 1;
/** There may be room to write. */
export const WRITABLE = 2;
/** The kernel has announced the peer's FIN; it may stand behind unread bytes. */
export const FIN_SEEN = 4;
/** The peer's FIN was reached. */
export const AT_END = 8;
/** Our FIN has been sent. */
export const FIN_SENT = 16;
/** Something has been written once. */
export const WRITTEN = 32;
/** Urgent data was announced: short reads may then stop at the mark and mean nothing. */
export const URGENT = 64;
/** TCP keepalive is on. */
export const KEPT_ALIVE = 128;
/** Nagle's algorithm is off. */
export const UNDELAYED = 256;
/** The direction from this end is on the list of those to be continued after this batch of events. */
export const AGAIN = 512;

// HOLDS.
export const HAS_PLACE = 1;
export const HAS_ROW = 2;

/** Orders of these lists are fixed by `outcome()`. */
export const PHASES = ["queue", "connect", "relay", "unavailable"] as const;
export const CAUSES = [
  "fin",
  "reset",
  "idle",
  "shutdown",
  "no-targets",
  "connect-failed",
  "queue-full",
  "queue-timeout",
  "stopping",
] as const;
export const ENDERS = ["client", "target", "balancer"] as const;

export const IN_QUEUE = 0;
export const IN_CONNECT = 1;
export const IN_RELAY = 2;
export const IN_UNAVAILABLE = 3;

export const BY_CLIENT = 0;
export const BY_TARGET = 1;
export const BY_BALANCER = 2;

export const FIN = 0;
export const RESET = 1;
export const IDLE = 2;
export const SHUTDOWN = 3;
export const NO_TARGETS = 4;
export const CONNECT_FAILED = 5;
export const QUEUE_FULL = 6;
export const QUEUE_TIMEOUT = 7;
export const STOPPING = 8;

/** Who ended a connection and how, in one word that is never 0. */
export function outcome(by: number, cause: number): number {
  return 0x100 | (by << 4) | cause;
}

export const outcomeBy = (packed: number): number => (packed >> 4) & 0xf;
export const outcomeCause = (packed: number): number => packed & 0xf;

/** The three views of one worker's slots. `index * STRIDE` addresses words, half of that doubles. */
export class Slots {
  readonly buffer: SharedArrayBuffer;
  readonly capacity: number;
  readonly words: Int32Array;
  readonly unsigned: Uint32Array;
  readonly doubles: Float64Array;

  constructor(buffer: SharedArrayBuffer) {
    this.buffer = buffer;
    this.words = new Int32Array(buffer);
    this.unsigned = new Uint32Array(buffer);
    this.doubles = new Float64Array(buffer);
    this.capacity = this.words.length / STRIDE;
  }

  /** Pages that are never used take no memory, so the capacity may be generous. */
  static create(capacity: number): Slots {
    return new Slots(new SharedArrayBuffer(capacity * STRIDE * 4));
  }
}
