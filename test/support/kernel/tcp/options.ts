/** Socket options: integers that are remembered, inherited by what a listener accepts, and looked up by the protocol. */
import * as abi from "../../../../src/engines/linux/sys/abi.ts";
import { putInt, readIntFrom } from "../memory.ts";
import * as numbers from "../numbers.ts";
import { PacketFilter } from "./packet-filter.ts";

const key = (level: number, option: number): number => (level << 8) | option;

/** The congestion controls that there are, the first one by default. */
const CONGESTION_CONTROLS = ["cubic", "reno", "bbr"];

const NODELAY = key(abi.IPPROTO_TCP, abi.TCP_NODELAY);
const KEEPALIVE = key(abi.SOL_SOCKET, abi.SO_KEEPALIVE);
const KEEPIDLE = key(abi.IPPROTO_TCP, abi.TCP_KEEPIDLE);
const KEEPINTVL = key(abi.IPPROTO_TCP, abi.TCP_KEEPINTVL);
const KEEPCNT = key(abi.IPPROTO_TCP, abi.TCP_KEEPCNT);
const USER_TIMEOUT = key(abi.IPPROTO_TCP, numbers.TCP_USER_TIMEOUT);
const LINGER = key(abi.SOL_SOCKET, abi.SO_LINGER);
const ATTACH_FILTER = key(abi.SOL_SOCKET, abi.SO_ATTACH_FILTER);
const OOBINLINE = key(abi.SOL_SOCKET, numbers.SO_OOBINLINE);
const RCVLOWAT = key(abi.SOL_SOCKET, abi.SO_RCVLOWAT);
const SNDBUF = key(abi.SOL_SOCKET, numbers.SO_SNDBUF);
const RCVBUF = key(abi.SOL_SOCKET, numbers.SO_RCVBUF);
const REUSEADDR = key(abi.SOL_SOCKET, abi.SO_REUSEADDR);
const REUSEPORT = key(abi.SOL_SOCKET, abi.SO_REUSEPORT);
const V6ONLY = key(abi.IPPROTO_IPV6, abi.IPV6_V6ONLY);
const CONGESTION = key(abi.IPPROTO_TCP, abi.TCP_CONGESTION);
const DEFER_ACCEPT = key(abi.IPPROTO_TCP, abi.TCP_DEFER_ACCEPT);
const FASTOPEN = key(abi.IPPROTO_TCP, abi.TCP_FASTOPEN);
const TOS = key(abi.IPPROTO_IP, abi.IP_TOS);
const TCLASS = key(abi.IPPROTO_IPV6, abi.IPV6_TCLASS);
const NO_PORT = key(abi.IPPROTO_IP, abi.IP_BIND_ADDRESS_NO_PORT);
const TRANSPARENT = key(abi.IPPROTO_IP, abi.IP_TRANSPARENT);
const TRANSPARENT_6 = key(abi.IPPROTO_IPV6, abi.IPV6_TRANSPARENT);
const BUFFER_LOCK = key(abi.SOL_SOCKET, abi.SO_BUF_LOCK);

/** What there is, and what it is at first: net.ipv4.tcp_keepalive_time, _intvl and _probes. */
const DEFAULTS: ReadonlyMap<number, number> = new Map([
  [NODELAY, 0],
  [KEEPALIVE, 0],
  [KEEPIDLE, 7200],
  [KEEPINTVL, 75],
  [KEEPCNT, 9],
  [USER_TIMEOUT, 0],
  [OOBINLINE, 0],
  [RCVLOWAT, 1],
  [SNDBUF, 0],
  [RCVBUF, 0],
  [REUSEADDR, 0],
  [REUSEPORT, 0],
  [V6ONLY, 0],
  [DEFER_ACCEPT, 0],
  [FASTOPEN, 0],
  [TOS, 0],
  [TCLASS, 0],
  [NO_PORT, 0],
  [TRANSPARENT, 0],
  [BUFFER_LOCK, 0],
]);

/** Options that are on or off: any other number reads as 1. */
const SWITCHES = new Set([NODELAY, KEEPALIVE, OOBINLINE, REUSEADDR, REUSEPORT, V6ONLY, NO_PORT, TRANSPARENT]);
/** Options that have a name for either family, and are one. */
const ALIASES: ReadonlyMap<number, number> = new Map([[TRANSPARENT_6, TRANSPARENT]]);

export class Options {
  readonly #values: Map<number, number>;
  /** SO_LINGER: seconds, or -1 when it is off. */
  #linger = -1;
  #filter: PacketFilter | null = null;
  #congestion = CONGESTION_CONTROLS[0]!;

  constructor(values: Map<number, number>) {
    this.#values = values;
  }

  static of(sendBuffer: number, receiveBuffer: number): Options {
    return new Options(
      new Map([
        [SNDBUF, sendBuffer],
        [RCVBUF, receiveBuffer],
      ]),
    );
  }

  inherit(): Options {
    const options = new Options(new Map(this.#values));
    options.#linger = this.#linger;
    options.#filter = this.#filter;
    options.#congestion = this.#congestion;
    return options;
  }

  set(level: number, option: number, value: Uint8Array): number {
    const at = ALIASES.get(key(level, option)) ?? key(level, option);
    if (at === CONGESTION) return this.#setCongestion(value);
    if (at === LINGER) {
      if (value.length < 8) return -abi.EINVAL;
      this.#linger = readIntFrom(value, 0) === 0 ? -1 : readIntFrom(value, 4);
      return 0;
    }
    if (at === ATTACH_FILTER) {
      const filter = PacketFilter.read(value);
      if (typeof filter === "number") return filter;
      this.#filter = filter;
      return 0;
    }
    if (!DEFAULTS.has(at)) return -numbers.ENOPROTOOPT;
    if (value.length < 4) return -abi.EINVAL;
    const number = readIntFrom(value, 0);
    if ((at === KEEPIDLE || at === KEEPINTVL || at === KEEPCNT) && (number < 1 || number > 32767)) return -abi.EINVAL;
    if (at === USER_TIMEOUT && number < 0) return -abi.EINVAL;
    if (at === SNDBUF || at === RCVBUF) this.#values.set(at, Math.max(2 * number, 4608));
    else this.#values.set(at, SWITCHES.has(at) ? Number(number !== 0) : number);
    return 0;
  }

  get(level: number, option: number, into: Uint8Array): number {
    const at = ALIASES.get(key(level, option)) ?? key(level, option);
    if (at === CONGESTION) {
      into.fill(0, 0, 16);
      new TextEncoder().encodeInto(this.#congestion, into);
      return Math.min(16, into.length);
    }
    if (at === LINGER) {
      if (into.length < 8) return -abi.EINVAL;
      putInt(into, 0, this.#linger < 0 ? 0 : 1);
      putInt(into, 4, Math.max(0, this.#linger));
      return 8;
    }
    if (!DEFAULTS.has(at)) return -numbers.ENOPROTOOPT;
    if (into.length < 4) return -abi.EINVAL;
    putInt(into, 0, this.#of(at));
    return 4;
  }

  #setCongestion(value: Uint8Array): number {
    const name = new TextDecoder().decode(value.subarray(0, 15)).replace(/\0.*$/s, "");
    if (!CONGESTION_CONTROLS.includes(name)) return -abi.ENOENT;
    this.#congestion = name;
    return 0;
  }

  #of(at: number): number {
    return this.#values.get(at) ?? DEFAULTS.get(at)!;
  }

  /** Bytes from which on it counts as readable. */
  get lowWater(): number {
    return this.#of(RCVLOWAT);
  }

  get noDelay(): boolean {
    return this.#of(NODELAY) !== 0;
  }

  get keepAlive(): boolean {
    return this.#of(KEEPALIVE) !== 0;
  }

  /** ms */
  get keepIdle(): number {
    return this.#of(KEEPIDLE) * 1000;
  }

  /** ms */
  get keepInterval(): number {
    return this.#of(KEEPINTVL) * 1000;
  }

  get keepCount(): number {
    return this.#of(KEEPCNT);
  }

  /** ms, 0: none. */
  get userTimeout(): number {
    return this.#of(USER_TIMEOUT);
  }

  /** Whether a packet with these flags gets past the socket's filter. */
  takes(flags: number): boolean {
    return this.#filter === null || this.#filter.passes(flags);
  }

  /** close() sends a reset. */
  get lingersZero(): boolean {
    return this.#linger === 0;
  }

  get urgentInline(): boolean {
    return this.#of(OOBINLINE) !== 0;
  }

  get sendBuffer(): number {
    return this.#of(SNDBUF);
  }

  get receiveBuffer(): number {
    return this.#of(RCVBUF);
  }

  get reuseAddress(): boolean {
    return this.#of(REUSEADDR) !== 0;
  }

  get reusePort(): boolean {
    return this.#of(REUSEPORT) !== 0;
  }

  get bindsNoPort(): boolean {
    return this.#of(NO_PORT) !== 0;
  }

  get transparent(): boolean {
    return this.#of(TRANSPARENT) !== 0;
  }

  get v6Only(): boolean {
    return this.#of(V6ONLY) !== 0;
  }
}
