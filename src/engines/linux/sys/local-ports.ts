/** Where the kernel takes the ports of outgoing connections from. */
import * as abi from "./abi.ts";
import type { Libc } from "./libc.ts";

/** For IPv6 as well. Zero-terminated. */
const FILE = new TextEncoder().encode("/proc/sys/net/ipv4/ip_local_port_range\0");
/** Two ports, a tab and a newline have room. */
const MOST_BYTES = 64;

/** The lowest and the highest; null where there is no /proc. By the C library, since Deno keeps /proc from programs that are not allowed everything. */
export function localPorts(libc: Libc): readonly [low: number, high: number] | null {
  const { at, bytes } = libc.alloc(FILE.length + MOST_BYTES);
  bytes.set(FILE);
  const fd = libc.open(at(0), abi.O_RDONLY | abi.O_CLOEXEC);
  if (fd < 0) return null;
  const length = libc.read(fd, at(FILE.length), MOST_BYTES);
  libc.close(fd);
  const text = String.fromCharCode(...bytes.subarray(FILE.length, FILE.length + Math.max(0, length)));
  const [low = Number.NaN, high = Number.NaN] = text.trim().split(/\s+/).map(Number);
  return low > 0 && high >= low ? [low, high] : null;
}
