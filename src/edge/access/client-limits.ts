/**
 * How many connections each client may have, and how often it may come: counted in shared memory, for one listener, by all threads that serve it.
 *
 * The rate is GCRA's (ITU-T I.371): of each client one time is kept, at which it would be due if it came at its rate and no faster. Each
 * connection moves that by the interval of the rate; a client may be early by as much as its burst allows. Who is refused is not charged.
 *
 * Memory is for so many clients. When all places that a client could have are taken by others that have connections, it is let in and
 * not counted: to turn strangers away because there are many would be what an attacker wants. untracked() says how often that was.
 */
import { randomFillSync } from "node:crypto";
import { LOCK, LOCK_TURNS, VERSION } from "../../pool/header.ts";
import { Lock } from "../../pool/lock.ts";
import { type ClientKey, hasAddress, isMapped, isOneOfMany } from "../../util/client-key.ts";
import { ClientTable } from "./client-table.ts";

export interface ClientLimitsData {
  readonly buffer: SharedArrayBuffer;
}

export interface ClientLimitOptions {
  /** That a client may have open at a time; 0: any number. */
  readonly connections: number;
  /** New connections per second; 0: any number. */
  readonly rate: number;
  /** That may come at once; at least 1. */
  readonly burst: number;
  /** Bits of an IPv4 address, and of an IPv6 address, that make one client. */
  readonly v4Bits: number;
  readonly v6Bits: number;
}

/** Nothing to give back. */
export const NO_CLAIM = 0;
export const TOO_MANY = -1;
export const TOO_OFTEN = -2;

/** Numbers of threads, each of which is one's own: the main thread, those of an engine from here on, and those that speak TLS. */
export const MAIN_THREAD = 0;
export const ENGINE_THREADS = 1;
export const TLS_THREADS = 1024;

/** Clients that have connections or owe something, at a time. */
const DEFAULT_CLIENTS = 65_536;

// Words of the header; those of the lock have the places that lock.ts gives them.
const CLIENTS = Math.max(LOCK, LOCK_TURNS, VERSION) + 1;
const LEDGERS = CLIENTS + 1;
const CONNECTIONS = CLIENTS + 2;
const V4_BITS = CLIENTS + 3;
const V6_BITS = CLIENTS + 4;
const UNTRACKED = CLIENTS + 5;
const SEED = CLIENTS + 6;
const HEADER_WORDS = 16;
// Behind it two 64-bit numbers, in ms; then the table, then a ledger for each TLS thread.
const INTERVAL = 0;
const EARLY = 1;
const TABLE_AT = 4 * HEADER_WORDS + 16;

export class ClientLimits {
  readonly #header: Int32Array;
  readonly #times: Float64Array;
  readonly #table: ClientTable;
  readonly #ledgers: Uint32Array;
  readonly #lock: Lock;
  /** Where this thread's ledger begins; -1: it keeps none. */
  readonly #ledger: number;
  readonly #key: ClientKey = new Uint32Array(4);

  /** `thread`: MAIN_THREAD, ENGINE_THREADS + n, or TLS_THREADS + n. */
  constructor({ buffer }: ClientLimitsData, thread: number) {
    const header = new Int32Array(buffer, 0, HEADER_WORDS);
    const clients = header[CLIENTS]!;
    const ledgersAt = TABLE_AT + ClientTable.bytes(clients);
    this.#header = header;
    this.#times = new Float64Array(buffer, 4 * HEADER_WORDS, 2);
    this.#table = new ClientTable(buffer, TABLE_AT, clients, header[SEED]!, header[SEED + 1]!);
    this.#ledgers = new Uint32Array(buffer, ledgersAt, header[LEDGERS]! * clients);
    this.#ledger = this.#ledgerOf(thread);
    // What a thread that died in the lock leaves is a table that is right but for one connection: there is nothing to repair.
    this.#lock = new Lock(header, thread, thread === MAIN_THREAD ? () => undefined : null);
  }

  /**
   * Memory for a listener, for as long as there is the listener, since claims are worth something in this one alone. `tlsThreads`: those
   * numbered below TLS_THREADS + this many keep ledgers, so that returnAll() can give back what they held.
   */
  static create(options: ClientLimitOptions, tlsThreads = 0, clients = DEFAULT_CLIENTS): ClientLimitsData {
    const size = TABLE_AT + ClientTable.bytes(clients) + 4 * tlsThreads * clients;
    const buffer = new SharedArrayBuffer(size);
    const header = new Int32Array(buffer, 0, HEADER_WORDS);
    header[CLIENTS] = clients;
    header[LEDGERS] = tlsThreads;
    header.set(randomFillSync(new Int32Array(2)), SEED);
    new ClientLimits({ buffer }, MAIN_THREAD).change(options);
    return { buffer };
  }

  /** Holds from the next connection on. What clients have open stays counted, but for those that came while connections had no limit. */
  change({ burst, connections, rate, v4Bits, v6Bits }: ClientLimitOptions): void {
    this.#lock.take();
    this.#header[CONNECTIONS] = connections;
    this.#header[V4_BITS] = v4Bits;
    this.#header[V6_BITS] = v6Bits;
    this.#times[INTERVAL] = rate === 0 ? 0 : 1000 / rate;
    this.#times[EARLY] = (Math.max(1, burst) - 1) * this.#times[INTERVAL]!;
    this.#lock.free();
  }

  /**
   * A connection of the client whose address begins there (four words, whole). TOO_MANY, TOO_OFTEN, NO_CLAIM, or a claim to be given to
   * leave() when it has ended. `now`: ms of a clock that all threads share which serve the listener.
   */
  enter(words: Uint32Array, at: number, now: number): number {
    const key = this.#key;
    for (let i = 0; i < 4; i++) key[i] = words[at + i]!;
    if (!hasAddress(key)) return NO_CLAIM; // peers on Unix sockets are nobody in particular
    this.#narrow(key);
    this.#lock.take();
    const claim = this.#enter(key, now);
    this.#lock.free();
    return claim;
  }

  leave(claim: number): void {
    if (claim === NO_CLAIM) return;
    const slot = claim - 1;
    this.#lock.take();
    if (this.#ledger >= 0) this.#ledgers[this.#ledger + slot]!--;
    this.#table.open[slot]!--;
    this.#lock.free();
  }

  /** A thread has died: frees its lock and, where it has a ledger, gives back all that it held. For the main thread. */
  returnAll(thread: number): void {
    if (!this.#lock.seize(thread)) this.#lock.take();
    const ledger = this.#ledgerOf(thread);
    const open = this.#table.open;
    for (let slot = 0; ledger >= 0 && slot < open.length; slot++) {
      open[slot]! -= this.#ledgers[ledger + slot]!;
      this.#ledgers[ledger + slot] = 0;
    }
    this.#lock.free();
  }

  /** How often a client was let in without being counted (32 bits, wrapping). */
  static untracked({ buffer }: ClientLimitsData): number {
    return new Int32Array(buffer)[UNTRACKED]! >>> 0;
  }

  #enter(key: ClientKey, now: number): number {
    const most = this.#header[CONNECTIONS]!;
    const interval = this.#times[INTERVAL]!;
    const slot = this.#table.slotOf(key, now);
    if (slot < 0) {
      this.#header[UNTRACKED]!++;
      return NO_CLAIM;
    }
    if (most > 0 && this.#table.open[slot]! >= most) return TOO_MANY;
    if (interval > 0 && !this.#charge(slot, interval, now)) return TOO_OFTEN;
    if (most === 0) return NO_CLAIM;
    // In this order, as leave() has it: a thread that dies in between leaves one counted, where the other would make less than none of it.
    this.#table.open[slot]!++;
    if (this.#ledger >= 0) this.#ledgers[this.#ledger + slot]!++;
    return slot + 1;
  }

  #charge(slot: number, interval: number, now: number): boolean {
    const early = this.#times[EARLY]!;
    const wait = this.#table.due[slot]! - now;
    // Nobody owes more than the burst and one interval: such a time is that of another clock, or of a former rate.
    const owed = wait < 0 || wait > early + interval ? 0 : wait;
    if (owed > early) return false;
    this.#table.due[slot] = now + owed + interval;
    return true;
  }

  #narrow(key: ClientKey): void {
    const isV4 = isMapped(key);
    if (!isV4 && isOneOfMany(key)) return;
    const bits = isV4 ? 96 + this.#header[V4_BITS]! : this.#header[V6_BITS]!;
    for (let i = 0; i < 4; i++) {
      const left = bits - 32 * i;
      if (left < 32) key[i] = left <= 0 ? 0 : key[i]! & (-1 << (32 - left));
    }
  }

  #ledgerOf(thread: number): number {
    const ledger = thread - TLS_THREADS;
    return ledger >= 0 && ledger < this.#header[LEDGERS]! ? ledger * this.#header[CLIENTS]! : -1;
  }
}
