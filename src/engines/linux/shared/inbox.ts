/**
 * Where a worker is given connections that others have accepted, and what they see of its load. Each cell is a connection on its
 * way: its descriptor, which is valid in all threads, its client's address, its service (ListenerData), and the place where it came. Any thread fills cells and only their owner empties
 * them, so each has a state of one word:
 *
 *     CLOSED ◄─► EMPTY ─► claimed by a giver, who writes the rest ─► a descriptor plus one ─► EMPTY
 *
 * Who closes it takes out what is there. A giver that is at work then finds that it cannot complete, and keeps the connection.
 */

/** As it begins, and when its owner takes no more: nothing is put into it. */
const CLOSED = 0;
const EMPTY = -1;
/** Minus the number of the giver: so a claim is nobody else's, even if the cell was closed and opened in between. */
const CLAIMED = -2;

/** Connections on their way to one worker at a time: more than a turn of its loop should begin with. Their states are one cache line. */
export const INBOX_CELLS = 16;

/** The owner's open connections plus one; 0: it takes none now. */
const LOAD = 0;
/** What its last turn began with. */
const EVENTS = 1;
const STATES = 16;
const ADDRESSES = STATES + INBOX_CELLS;
/** A sockaddr_in6, the longest that has something to tell. */
const ADDRESS_BYTES = 28;
/** Behind it, the numbers of the service and of the place where it came. */
const SERVICE = ADDRESS_BYTES / 4;
const PLACE = SERVICE + 1;
const CELL_WORDS = PLACE + 1;
const CELL_BYTES = 4 * CELL_WORDS;
export const INBOX_WORDS = ADDRESSES + INBOX_CELLS * CELL_WORDS;

export class Inbox {
  readonly #words: Int32Array;
  readonly #addresses: Uint8Array;
  /** Owner: the number of the service of what was taken out last, and of the place where it came. */
  service = 0;
  place = 0;

  /** INBOX_WORDS of shared memory, zero at first. */
  constructor(words: Int32Array) {
    this.#words = words;
    this.#addresses = new Uint8Array(words.buffer, words.byteOffset + 4 * ADDRESSES, INBOX_CELLS * CELL_BYTES);
  }

  /** Owner: tells others how many connections it has, or with -1 that it takes none. One plain store, since it is made for each. */
  tell(connections: number): void {
    this.#words[LOAD] = connections + 1;
  }

  /** The owner's connections, without those on their way; -1: it takes none now. */
  get told(): number {
    return this.#words[LOAD]! - 1;
  }

  /** Events that the owner's last turn began with: how busy it is. As plain as `tell()`. */
  set events(count: number) {
    this.#words[EVENTS] = count;
  }

  get events(): number {
    return this.#words[EVENTS]!;
  }

  /** Connections on their way. */
  get pending(): number {
    let count = 0;
    for (let cell = STATES; cell < STATES + INBOX_CELLS; cell++) if (this.#words[cell]! > 0) count++;
    return count;
  }

  /** Owner: whether one for that service is on its way. */
  holds(service: number): boolean {
    for (let i = 0; i < INBOX_CELLS; i++) {
      if (Atomics.load(this.#words, STATES + i) > 0 && this.#words[ADDRESSES + i * CELL_WORDS + SERVICE] === service)
        return true;
    }
    return false;
  }

  /** Owner: from now on it can be given some. */
  open(): void {
    for (let cell = STATES; cell < STATES + INBOX_CELLS; cell++) Atomics.store(this.#words, cell, EMPTY);
  }

  /**
   * A worker, or the main thread as 0, gives a connection of that service, which came at that place, and whose client's sockaddr is `address`. False: there is no room, and it keeps
   * the connection. The owner has to be told that there is something.
   */
  put(giver: number, service: number, place: number, fd: number, address: Uint8Array): boolean {
    const words = this.#words;
    const claim = CLAIMED - giver;
    for (let i = 0; i < INBOX_CELLS; i++) {
      const cell = STATES + i;
      if (words[cell] !== EMPTY || Atomics.compareExchange(words, cell, EMPTY, claim) !== EMPTY) continue;
      const to = i * CELL_BYTES;
      for (let at = 0; at < ADDRESS_BYTES; at++) this.#addresses[to + at] = address[at]!;
      words[ADDRESSES + i * CELL_WORDS + SERVICE] = service;
      words[ADDRESSES + i * CELL_WORDS + PLACE] = place;
      return Atomics.compareExchange(words, cell, claim, fd + 1) === claim;
    }
    return false;
  }

  /** Owner: takes a connection out; its descriptor, or -1 when there is none. Its client's sockaddr is put into `address`, the rest into `service` and `place`. */
  take(address: Uint8Array): number {
    for (let i = 0; i < INBOX_CELLS; i++) {
      const fd = Atomics.load(this.#words, STATES + i) - 1;
      if (fd < 0) continue;
      this.#read(i, address);
      Atomics.store(this.#words, STATES + i, EMPTY);
      return fd;
    }
    return -1;
  }

  /**
   * Owner, or the main thread once the owner has died: closes it, and takes a connection out as `take()` does. To be repeated until
   * there is none.
   */
  close(address: Uint8Array): number {
    this.tell(-1);
    for (let i = 0; i < INBOX_CELLS; i++) {
      const fd = Atomics.exchange(this.#words, STATES + i, CLOSED) - 1;
      if (fd < 0) continue;
      this.#read(i, address);
      return fd;
    }
    return -1;
  }

  #read(i: number, into: Uint8Array): void {
    const from = i * CELL_BYTES;
    for (let at = 0; at < ADDRESS_BYTES; at++) into[at] = this.#addresses[from + at]!;
    this.service = this.#words[ADDRESSES + i * CELL_WORDS + SERVICE]!;
    this.place = this.#words[ADDRESSES + i * CELL_WORDS + PLACE]!;
  }
}
