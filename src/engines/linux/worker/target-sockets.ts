/** How a pool's connections to its targets are made, where that is not as the kernel does: options, and addresses to connect from. */
import { setOptions, type TargetSocketOptions } from "../../../net/socket-options.ts";
import { UNDELAYED } from "../shared/ends.ts";
import type { PoolTerms } from "../shared/orders.ts";
import * as abi from "../sys/abi.ts";
import type { Libc, Pointer } from "../sys/libc.ts";
import { localPorts } from "../sys/local-ports.ts";
import { encodeLiteral, encodeWords } from "../sys/sockaddr.ts";
import { putValue, targetOptions, VALUE_BYTES } from "../sys/socket-options.ts";
import type { TargetSockets } from "./pool-part.ts";
import type { Shard } from "./shard.ts";

/** Room for any sockaddr of IP. */
const SOCKADDR_BYTES = 32;
/** Ports that wait for late packets which are tried one after the other, once the kernel has found none that is free. */
const PORTS_TRIED = 16;

/** From the first one of a thread to that of the next, so that they do not try the same: a prime, since ranges are round numbers. */
const PORTS_APART = 4_099;
/**
 * ms for which those are tried first then. The kernel looks at all ports before it says that none is free, which may take a
 * millisecond; these wait for a minute.
 */
const USED_UP_MS = 1_000;

/** An option as setsockopt() takes it. */
interface ReadyOption {
  readonly of: string;
  readonly level: number;
  readonly name: number;
  readonly value: Pointer;
  readonly length: number;
}

/** A sockaddr whose port changes. */
interface Source {
  readonly bytes: Uint8Array;
  readonly start: Pointer;
  length: number;
}

/** What holds for the targets of one family. */
interface FamilyPart {
  readonly options: readonly ReadyOption[];
  /** In turn; none: the kernel picks. */
  readonly sources: readonly Source[];
  readonly anywhere: Source;
}

export class WishedSockets implements TargetSockets {
  readonly bits: number;
  readonly resets: boolean;
  readonly fastOpen: boolean;
  readonly #shard: Shard;
  readonly #v4: FamilyPart;
  readonly #v6: FamilyPart;
  readonly #ofClient: Source | null;
  /** Whose turn it is among the sources. */
  #turn = 0;
  /** Those that are used again; null: none are. */
  readonly #ports: readonly [low: number, high: number] | null;
  /** The one that was tried last, counted from the lowest. */
  #port: number;
  /** Until then the kernel is not asked for a free one. */
  #usedUpUntil = 0;

  constructor(shard: Shard, options: TargetSocketOptions) {
    const { libc } = shard;
    this.#shard = shard;
    this.bits = options.noDelay === false ? UNDELAYED : 0;
    this.resets = options.close === "reset";
    this.fastOpen = options.fastOpen === true;
    this.#v4 = familyPart(libc, options, abi.AF_INET, "0.0.0.0");
    this.#v6 = familyPart(libc, options, abi.AF_INET6, "::");
    this.#ofClient = options.source === "client" ? sourceOf(libc, "0.0.0.0") : null;
    this.#ports = this.resets ? localPorts(libc) : null;
    this.#port = shard.index * PORTS_APART;
  }

  /** From each source, then from ports that wait. */
  ways(family: number): number {
    return this.#freeWays(family) + (this.#ports === null ? 0 : PORTS_TRIED);
  }

  nextTurn(family: number): number {
    this.#turn = (this.#turn + 1) & 0xffff;
    return this.#shard.now < this.#usedUpUntil ? this.#freeWays(family) : 0;
  }

  prepare(slot: number, fd: number, family: number, way: number): number {
    const { anywhere, options, sources } = this.#of(family);
    for (const option of options) this.#set(fd, option);
    const count = this.#freeWays(family);
    const source = this.#clientOf(slot, family) ?? sources[(this.#turn + way) % count];
    if (way < count) return source === undefined ? 0 : this.#bind(fd, source, 0);
    if (way === count && this.#shard.now >= this.#usedUpUntil) this.#usedUpUntil = this.#shard.now + USED_UP_MS;
    return this.#bind(fd, source ?? anywhere, this.#nextPort());
  }

  #freeWays(family: number): number {
    return Math.max(1, this.#of(family).sources.length);
  }

  #of(family: number): FamilyPart {
    return family === abi.AF_INET6 ? this.#v6 : this.#v4;
  }

  /** It could be set when the pool was made so; a connection without it is better than none. */
  #set(fd: number, { length, level, name, of, value }: ReadyOption): void {
    const { libc } = this.#shard;
    if (libc.setsockopt(fd, level, name, value, length) === 0) return;
    this.#shard.warn(`socket ${of}`, `connections to targets go without ${of}: errno ${libc.errno[0]}`);
  }

  #bind(fd: number, { bytes, length, start }: Source, port: number): number {
    bytes[2] = port >> 8;
    bytes[3] = port & 0xff;
    const { libc } = this.#shard;
    return libc.bind(fd, start, length) < 0 ? libc.errno[0]! : 0;
  }

  /** The client's own address, where it has one of that family. */
  #clientOf(slot: number, family: number): Source | null {
    const source = this.#ofClient;
    if (source === null) return null;
    source.length = encodeWords(this.#shard.slots.address(slot), source.bytes);
    return source.bytes[0] === family ? source : null;
  }

  #nextPort(): number {
    const [low, high] = this.#ports!;
    this.#port = (this.#port + 1) % (high - low + 1);
    return low + this.#port;
  }
}

/** Null: all is as the kernel does it; those of targets that speak TLS are not made here. Memory for system calls cannot be freed, so pools that want the same have the same. */
export function targetSocketsFor(s: Shard, { sockets: options, targetTls }: PoolTerms): TargetSockets | null {
  if (options === undefined || targetTls !== undefined || setOptions(options).length === 0) return null;
  const key = JSON.stringify(options);
  const known = s.targetSockets.get(key);
  if (known !== undefined) return known;
  const made = new WishedSockets(s, options);
  s.targetSockets.set(key, made);
  return made;
}

function familyPart(libc: Libc, options: TargetSocketOptions, family: number, any: string): FamilyPart {
  const { source } = options;
  const hosts = Array.isArray(source) ? source.filter((host) => host.includes(":") === (family === abi.AF_INET6)) : [];
  return {
    options: targetOptions(options, family).map(({ value, ...option }) => {
      const memory = libc.alloc(VALUE_BYTES);
      return { ...option, value: memory.at(0), length: putValue(value, memory.bytes) };
    }),
    sources: hosts.map((host) => sourceOf(libc, host)),
    anywhere: sourceOf(libc, any),
  };
}

function sourceOf(libc: Libc, host: string): Source {
  const { at, bytes } = libc.alloc(SOCKADDR_BYTES);
  return { bytes, start: at(0), length: encodeLiteral(host, 0, bytes) };
}
