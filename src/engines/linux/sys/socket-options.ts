/** What an operator decides about sockets, as options of setsockopt(). */
import { NetError } from "../../../net/net-error.ts";
import type { ListenSocketOptions, SocketOptions, TargetSocketOptions } from "../../../net/socket-options.ts";
import * as abi from "./abi.ts";
import { codeOfErrno, failureOf } from "./errno.ts";
import type { Libc, NativeMemory } from "./libc.ts";

export interface SocketOption {
  /** As the socket options of net/ call it. */
  readonly of: string;
  readonly level: number;
  readonly name: number;
  /** An int, or a name. */
  readonly value: number | string;
}

/** For a socket of that family, AF_INET or AF_INET6, that is to listen; but for Nagle's algorithm and keepalive, which never are as the kernel has them. */
export function listenOptions(options: ListenSocketOptions, family: number): SocketOption[] {
  const all = commonOptions(options, family);
  if (options.fastOpen) all.push(tcp("fastOpen", abi.TCP_FASTOPEN, options.fastOpen));
  if (options.deferAccept) all.push(tcp("deferAccept", abi.TCP_DEFER_ACCEPT, options.deferAccept));
  if (options.transparent) all.push(transparent("transparent", family));
  return all;
}

/** For a socket of that family that is to connect to a target. What depends on the client is not among them. */
export function targetOptions(options: TargetSocketOptions, family: number): SocketOption[] {
  const { close, source } = options;
  const all = commonOptions(options, family);
  if (source !== undefined) all.push(ip("source", abi.IP_BIND_ADDRESS_NO_PORT, 1)); // IPv6 sockets have it, too
  if (source === "client") all.push(transparent("source", family));
  if (close === "reset") all.push({ of: "close", level: abi.SOL_SOCKET, name: abi.SO_REUSEADDR, value: 1 });
  return all;
}

function commonOptions(options: SocketOptions, family: number): SocketOption[] {
  const { congestion, dscp, receiveBuffer, sendBuffer } = options;
  const all: SocketOption[] = [];
  if (sendBuffer) all.push({ of: "sendBuffer", level: abi.SOL_SOCKET, name: abi.SO_SNDBUF, value: sendBuffer });
  if (receiveBuffer)
    all.push({ of: "receiveBuffer", level: abi.SOL_SOCKET, name: abi.SO_RCVBUF, value: receiveBuffer });
  if (congestion) all.push(tcp("congestion", abi.TCP_CONGESTION, congestion));
  if (dscp !== undefined) {
    // The upper six bits of the octet; the other two are ECN's (RFC 2474, RFC 3168). A socket of IPv6 has both: its peers may be IPv4's.
    all.push(ip("dscp", abi.IP_TOS, dscp << 2));
    if (family === abi.AF_INET6)
      all.push({ of: "dscp", level: abi.IPPROTO_IPV6, name: abi.IPV6_TCLASS, value: dscp << 2 });
  }
  return all;
}

const tcp = (of: string, name: number, value: number | string): SocketOption => ({
  of,
  level: abi.IPPROTO_TCP,
  name,
  value,
});

const ip = (of: string, name: number, value: number): SocketOption => ({ of, level: abi.IPPROTO_IP, name, value });

function transparent(of: string, family: number): SocketOption {
  return family === abi.AF_INET6
    ? { of, level: abi.IPPROTO_IPV6, name: abi.IPV6_TRANSPARENT, value: 1 }
    : ip(of, abi.IP_TRANSPARENT, 1);
}

/** What the longest value takes: TCP_CA_NAME_MAX. */
export const VALUE_BYTES = 16;

/** The calls, and the memory that they take. */
export class OptionCalls {
  readonly #libc: Libc;
  readonly #memory: NativeMemory;
  readonly #view: DataView;

  constructor(libc: Libc) {
    this.#libc = libc;
    this.#memory = libc.alloc(VALUE_BYTES + 4);
    this.#view = new DataView(this.#memory.bytes.buffer);
  }

  /** 0, or an errno. */
  set(fd: number, { level, name, value }: SocketOption): number {
    const length = putValue(value, this.#memory.bytes);
    return this.#libc.setsockopt(fd, level, name, this.#memory.at(0), length) < 0 ? this.#libc.errno[0]! : 0;
  }

  /** The same option as it is now; as it was asked for, where the kernel cannot say. */
  read(fd: number, option: SocketOption): SocketOption {
    const { level, name, value } = option;
    this.#view.setUint32(VALUE_BYTES, VALUE_BYTES, true);
    const result = this.#libc.getsockopt(fd, level, name, this.#memory.at(0), this.#memory.at(VALUE_BYTES));
    if (result < 0) return option;
    if (typeof value === "string") {
      const text = new TextDecoder().decode(this.#memory.bytes.subarray(0, VALUE_BYTES));
      return { ...option, value: text.replace(/\0.*$/s, "") };
    }
    const isSize = level === abi.SOL_SOCKET && (name === abi.SO_SNDBUF || name === abi.SO_RCVBUF);
    const number = this.#view.getInt32(0, true);
    return { ...option, value: isSize ? number >> 1 : number }; // the kernel doubles what it is given (socket(7))
  }
}

/** Writes a value at the start of VALUE_BYTES, and gives its length. */
export function putValue(value: number | string, bytes: Uint8Array): number {
  if (typeof value === "string") return new TextEncoder().encodeInto(value, bytes.subarray(0, VALUE_BYTES)).written;
  new DataView(bytes.buffer, bytes.byteOffset).setInt32(0, value, true);
  return 4;
}

/** That an option cannot be set, as an operator reads it. */
export function optionFailure(option: SocketOption, errno: number, doing: string): NetError {
  const reason = whyNot(option, errno);
  if (reason !== null) return new NetError(codeOfErrno(errno), `${doing}: ${reason}`);
  return failureOf(errno, `${doing}: the kernel refuses ${option.of} = ${option.value}`);
}

function whyNot({ name, of, value }: SocketOption, errno: number): string | null {
  if (errno === abi.EPERM && (name === abi.IP_TRANSPARENT || name === abi.IPV6_TRANSPARENT))
    return "addresses that are not this machine's need CAP_NET_ADMIN or CAP_NET_RAW";
  if (of !== "congestion") return null;
  if (errno === abi.ENOENT)
    return `this kernel has no congestion control "${value}" (it has those of net.ipv4.tcp_available_congestion_control)`;
  return errno === abi.EPERM
    ? `"${value}" is not among net.ipv4.tcp_allowed_congestion_control, which are for everybody`
    : null;
}
