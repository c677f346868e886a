/**
 * Why a connect has really failed. Bun 1.4.5 says ECONNREFUSED of a host or network that cannot be reached as well
 * (oven-sh/bun#37093), and a target that refuses is taken out at once, while one that cannot be reached keeps its lease. So the
 * kernel is asked again, by a connect of our own through bun:ffi. Only on Linux: elsewhere Bun's word stands.
 */
import { dlopen, FFIType, toArrayBuffer } from "bun:ffi";
import { setTimeout as delay } from "node:timers/promises";
import { parseIp } from "../../util/address.ts";
import { libraryNames, openFirst } from "../../util/c-library.ts";
import type { NetCode } from "../net-error.ts";

// Linux on x64 and arm64.
const AF_INET = 2;
const AF_INET6 = 10;
const NONBLOCKING_STREAM = 0o2004001; // SOCK_STREAM, SOCK_NONBLOCK, SOCK_CLOEXEC
const EALREADY = 114;
const EINPROGRESS = 115;
const CODES: Readonly<Record<number, NetCode>> = {
  1: "EACCES", // EPERM: a rule of this machine's firewall
  13: "EACCES", // a route of the kind "prohibit"
  22: "EINVAL", // one of the kind "blackhole"
  99: "EADDRNOTAVAIL",
  100: "ENETUNREACH", // ENETDOWN
  101: "ENETUNREACH",
  110: "ETIMEDOUT",
  112: "EHOSTUNREACH", // EHOSTDOWN
  113: "EHOSTUNREACH",
};

/** ms to wait for an answer. A host that refuses answers within one round trip. */
const PATIENCE_MS = 250;
/**
 * ms. An attempt that failed later than this, and is not answered when it is made again, was given up by the kernel itself: it
 * asks three times, a second apart, for the link address of a neighbour.
 */
const GIVEN_UP_MS = 900;

interface Library {
  socket(domain: number, type: number, protocol: number): number;
  connect(fd: number, address: Uint8Array, length: number): number;
  close(fd: number): number;
  readonly errno: Int32Array;
}

/** The code of what an attempt that took `spent` ms failed of; null when asking again shows nothing else than Bun says. */
export async function connectCode(host: string, port: number, spent: number): Promise<NetCode | null> {
  const address = sockaddrOf(host, port);
  const library = address && openLibrary();
  if (!address || !library) return null;
  const fd = library.socket(address[0]!, NONBLOCKING_STREAM, 0);
  if (fd < 0) return null;
  try {
    const errno = await outcome(() => (library.connect(fd, address, address.length) === 0 ? 0 : library.errno[0]!));
    if (errno === EALREADY) return spent >= GIVEN_UP_MS ? "EHOSTUNREACH" : null;
    return CODES[errno] ?? null;
  } finally {
    library.close(fd);
  }
}

/** The errno of a connect that is repeated until it has an answer: that is how it tells one. EALREADY: there is none yet. */
async function outcome(connect: () => number): Promise<number> {
  let errno = connect();
  for (let pause = 1; (errno === EINPROGRESS || errno === EALREADY) && pause < PATIENCE_MS; pause *= 2) {
    await delay(pause);
    errno = connect();
  }
  return errno;
}

/** Null where it is no IP address, or one with a zone. */
function sockaddrOf(host: string, port: number): Uint8Array | null {
  const ip = parseIp(host);
  if (ip === null || host.includes("%")) return null;
  const isV4 = ip.kind() === "ipv4";
  const bytes = new Uint8Array(isV4 ? 16 : 28);
  bytes[0] = isV4 ? AF_INET : AF_INET6; // 16 bits, little-endian
  bytes[2] = port >> 8;
  bytes[3] = port & 0xff;
  bytes.set(ip.toByteArray(), isV4 ? 4 : 8);
  return bytes;
}

let opened: Library | null | undefined;

/** Null where there is none to be had. */
function openLibrary(): Library | null {
  if (opened === undefined) opened = process.platform === "linux" ? open() : null;
  return opened;
}

function open(): Library | null {
  const { i32, u32, ptr } = FFIType;
  try {
    const { symbols } = openFirst(libraryNames(process.arch), (name) =>
      dlopen(name, {
        socket: { args: [i32, i32, i32], returns: i32 },
        connect: { args: [i32, ptr, u32], returns: i32 },
        close: { args: [i32], returns: i32 },
        __errno_location: { args: [], returns: ptr },
      }),
    );
    const errno = new Int32Array(toArrayBuffer(symbols.__errno_location()!, 0, 4));
    return { ...symbols, errno } as unknown as Library;
  } catch {
    return null; // a C library of another name: what Bun says has to do
  }
}
