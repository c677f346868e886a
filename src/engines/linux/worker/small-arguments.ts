/** Memory for the arguments of system calls that take a pointer to something small, at fixed offsets. */
import type { Probing } from "../../../net/keepalive.ts";
import * as abi from "../sys/abi.ts";
import type { Libc, Pointer } from "../sys/libc.ts";
import { putLinger } from "../sys/reset.ts";

// Offsets in bytes.
const EVENT = 0;
const LENGTH = 16;
const ONE = 24;
const LINGER = 32;
const RESULT = 40;
const COUNTER = 48;
const ADDRESS = 64;
const IDLE = 176;
const INTERVAL = 180;
const COUNT = 184;
const MEMINFO = 192;
const INFO = 232;
const BYTES = 384;

export class SmallArguments {
  readonly #view: DataView;
  readonly #layout: abi.EpollLayout;
  readonly event: Pointer;
  /** A sockaddr, to be filled by hand or by a call. */
  readonly address: Pointer;
  readonly addressBytes: Uint8Array;
  /** A socklen_t. */
  readonly length: Pointer;
  /** 1, as an int and as eight bytes. */
  readonly one: Pointer;
  /** For closeWithReset(). */
  readonly linger: Pointer;
  /** An int, for results and for options. */
  readonly result: Pointer;
  /** A struct tcp_info, of TCP_INFO_SIZE. */
  readonly info: Pointer;
  /** Eight bytes to read an eventfd into. */
  readonly counter: Pointer;

  /** Ints: how keepalive probes. */
  readonly keepIdle: Pointer;
  readonly keepInterval: Pointer;
  readonly keepCount: Pointer;

  /** For SO_MEMINFO. */
  readonly meminfo: Int32Array;
  readonly meminfoStart: Pointer;

  constructor(libc: Libc, layout: abi.EpollLayout) {
    const memory = libc.alloc(BYTES);
    this.#view = new DataView(memory.bytes.buffer);
    this.#layout = layout;
    this.event = memory.at(EVENT);
    this.length = memory.at(LENGTH);
    this.one = memory.at(ONE); // its upper four bytes stay 0
    this.linger = memory.at(LINGER);
    this.result = memory.at(RESULT);
    this.counter = memory.at(COUNTER);
    this.info = memory.at(INFO);
    this.address = memory.at(ADDRESS);
    this.addressBytes = memory.bytes.subarray(ADDRESS, ADDRESS + abi.SOCKADDR_MAX);
    this.keepIdle = memory.at(IDLE);
    this.keepInterval = memory.at(INTERVAL);
    this.keepCount = memory.at(COUNT);
    this.meminfo = new Int32Array(memory.bytes.buffer, MEMINFO, abi.SK_MEMINFO_VARS);
    this.meminfoStart = memory.at(MEMINFO);
    this.#view.setInt32(ONE, 1, true);
    putLinger(this.#view, LINGER);
  }

  /** Fills what keepalive is set by. */
  setProbing({ idle, interval, count }: Probing): void {
    this.#view.setInt32(IDLE, idle, true);
    this.#view.setInt32(INTERVAL, interval, true);
    this.#view.setInt32(COUNT, count, true);
  }

  setEvent(events: number, low: number, high: number): void {
    this.#view.setInt32(EVENT, events, true);
    this.#view.setInt32(EVENT + this.#layout.data, low, true);
    this.#view.setInt32(EVENT + this.#layout.data + 4, high, true);
  }

  setLength(length: number): void {
    this.#view.setUint32(LENGTH, length, true);
  }

  /** What a listener said as its backlog. */
  getBacklog(): number {
    return this.#view.getInt32(INFO + abi.TCP_INFO_UNACKED, true);
  }

  // What a connection said in `info`.

  /** Something is on its way to the peer, held back by it, or asked of it. */
  get waitsForPeer(): boolean {
    return this.unacked || this.probes > 0 || this.#view.getUint32(INFO + abi.TCP_INFO_NOTSENT_BYTES, true) > 0;
  }

  get unacked(): boolean {
    return this.#view.getUint32(INFO + abi.TCP_INFO_UNACKED, true) > 0;
  }

  get retransmits(): number {
    return this.#view.getUint8(INFO + abi.TCP_INFO_RETRANSMITS);
  }

  /** ms from the last retransmission to the next. */
  get retransmitAfter(): number {
    return this.#view.getUint32(INFO + abi.TCP_INFO_RTO, true) / 1_000;
  }

  /** Unanswered ones. */
  get probes(): number {
    return this.#view.getUint8(INFO + abi.TCP_INFO_PROBES);
  }

  /** ms in which nothing came from the peer. Linux does not count as an acknowledgement what comes with data and is not new. */
  get silence(): number {
    const data = this.#view.getUint32(INFO + abi.TCP_INFO_LAST_DATA_RECV, true);
    return Math.min(data, this.#view.getUint32(INFO + abi.TCP_INFO_LAST_ACK_RECV, true));
  }

  setValue(value: number): void {
    this.#view.setInt32(RESULT, value, true);
  }

  getResult(): number {
    return this.#view.getInt32(RESULT, true);
  }
}
