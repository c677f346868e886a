/**
 * A connection as a row of numbers: what a slot of a worker's shared memory holds, and where. This is the one declaration;
 * offsets follow from it, and ends.ts, slots.ts and the timer wheel turn them into methods.
 *
 * A connection has two ends, CLIENT and TARGET. A field "per end" holds two numbers, the client's first. A direction is named
 * after the end it reads from, so a field per direction is one per end.
 */

/** A type, and how many numbers of it. */
interface Field {
  readonly type: "i32" | "u32" | "f64";
  readonly count: 1 | 2 | 4;
}
type Line = Readonly<Record<string, Field>>;

const I32: Field = { type: "i32", count: 1 };
const I32_PER_END: Field = { type: "i32", count: 2 };
const U32_BY_4: Field = { type: "u32", count: 4 };
const F64: Field = { type: "f64", count: 1 };
const F64_PER_END: Field = { type: "f64", count: 2 };

/** One cache line per purpose: moving bytes touches the first two. Times are in ms on the threads' common clock, Libc.now(). */
const LINES = [
  // What moving bytes needs.
  {
    /**
     * FREE, QUEUED … (proxy/states.ts, early-states.ts, and the worker's own in slot-store.ts). In every state but FREE and ENDED it has a
     * descriptor at least.
     */
    state: I32,
    /** The number of its pool. */
    pool: I32,
    /** Per end: the descriptor, or -1. */
    fd: I32_PER_END,
    /** Per end: READABLE, WRITABLE … */
    bits: I32_PER_END,
    /**
     * Per end: a number that events carry too. It changes when the descriptor is closed, so that an event which the kernel
     * reported before that, in the same batch, is recognised as out of date.
     */
    generation: I32_PER_END,
    /** Per direction: reads in a row that filled the buffer; of one that is spliced, what it may bring (splice.ts). */
    streak: I32_PER_END,
    /** Per direction: 1 + number of its first write buffer, 0 without. */
    writeBuffer: I32_PER_END,
    /** Per direction: bytes in write buffers that the other end has not taken yet. */
    buffered: I32_PER_END,
    /** The service of a listener that asks clients for something (EdgeData), by which it has come: (1 + its number) << 1, and 1 where FactsMemory has a part of it. 0: there is none. */
    edge: I32,
    /** What it holds of the limits of that (edge/reception.ts). */
    claim: I32,
  },
  // What the end of a connection and its record need.
  {
    /** Per direction: bytes read. */
    bytes: F64_PER_END,
    /** Per direction: those of `bytes` that the pool has been told of. */
    reported: F64_PER_END,
    /** Per end: when it last gave a byte, or took one that had waited for it. The client's begins when the connection stands, the target's at 0. */
    movedAt: F64_PER_END,
    /** The target's row in the pool. It stays after the target has been released, for the record. */
    row: I32,
    /** 1 while it is on the shard's list of connections with bytes to report to the pool. */
    listed: I32,
    /** 1 + the end whose FIN or failure came first, 0 before. */
    first: I32,
    /** How the connection ends, packed (proxy/outcome.ts); UNDECIDED until then. */
    outcome: I32,
  },
  // Who it is, and when.
  {
    /** The words of the client's address: IPv6, IPv4 mapped. */
    address: U32_BY_4,
    /** The time of accept. */
    acceptedAt: F64,
    queuedMs: F64,
    /** From accept until connected; negative before. */
    connectMs: F64,
    /** When the stage at hand (waiting, connecting) began. */
    since: F64,
    endedAt: F64,
    /** The client's. */
    port: I32,
    /** The number of the address where it came (main/places.ts). */
    place: I32,
  },
  // Time-outs and the queue.
  {
    /** The pool's name for it while it waits; of a relay, see target-close.ts. */
    waiter: F64,
    timerDue: F64,
    /** From accept until a byte came from the target; negative before. */
    firstByteMs: F64,
    /** Links of the timer's list: 1 + slot, 0 at an end. */
    timerNext: I32,
    timerPrevious: I32,
    /** 1 + bucket, 0 when no timer runs. */
    timerBucket: I32,
    /** Number of the unavailable text's bytes sent, then bytes that may still be drained. */
    answered: I32,
    /** While DELIVERING: bytes that were not acknowledged when last looked at. While CONNECTING: those that went with the SYN (fast-open.ts). */
    unacked: I32,
    /** The pass over the queue that last found no target for it. */
    pass: I32,
    /** How far it has come, for the record: an index into PHASES. */
    phase: I32,
    /** Connect attempts that have failed: which, is told by tried.ts. */
    failures: I32,
    /** What it holds of the pool: bits PERMIT and ROW (proxy/states.ts). */
    holds: I32,
    /** Of the target's row, when it was picked: SharedPool.incarnation(). */
    incarnation: I32,
  },
] as const satisfies readonly Line[];

const LINE_WORDS = 16;
/** Words (4 bytes) per slot. slots.ts writes it as a shift by 6. */
export const SLOT_WORDS = LINES.length * LINE_WORDS;

type NamesOf<L> = L extends unknown ? keyof L & string : never;
type FieldName = NamesOf<(typeof LINES)[number]>;

export interface Placed extends Field {
  /** Its place in a slot, in units of its type. */
  readonly offset: number;
}

export const FIELDS = placeFields();

/**
 * Fields stand in the order of their declaration, each aligned to its whole size. So the bits of a slot's start, an offset and
 * an end never overlap, and `|` adds them: cheaper than `+`, which has to look for overflow.
 */
function placeFields(): Readonly<Record<FieldName, Placed>> {
  const placed: Record<string, Placed> = {};
  for (const [i, line] of LINES.entries()) {
    let word = i * LINE_WORDS;
    for (const [name, field] of Object.entries<Field>(line)) {
      const unit = field.type === "f64" ? 2 : 1;
      const size = unit * field.count;
      word = Math.ceil(word / size) * size;
      placed[name] = { ...field, offset: word / unit };
      word += size;
    }
    if (word > (i + 1) * LINE_WORDS) throw new RangeError(`line ${i} of a slot is longer than a cache line`);
  }
  return placed as Record<FieldName, Placed>;
}
