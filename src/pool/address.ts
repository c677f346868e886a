/**
 * Addresses as rows keep them: a port, which is 0 for a Unix socket, and a host or path as UTF-8 text that a NUL ends. Text,
 * because all that anybody does with it is to read it back, once per change and thread.
 */
import type { Address } from "../net/runtime.ts";
import { parseIp } from "../util/address.ts";
import { ADDRESS_BYTES, type PoolLayout } from "./layout.ts";
import type { Lock } from "./lock.ts";

/** Writes host or path, and returns the port. RangeError: not an IP address, a bad port, or a text that is too long. */
export function encodeAddress(address: Address, into: Uint8Array): number {
  if ("path" in address) {
    writeText(address.path, "path", into);
    return 0;
  }
  const { host, port } = address;
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw new RangeError(`port ${port}: 1 to 65535 is allowed`);
  const ip = parseIp(host);
  if (ip === null) throw new RangeError(`"${host}" is not an IP address`);
  writeText(ip.toString(), "host", into); // one spelling for each address
  return port;
}

/** The reverse of encodeAddress(). */
export function decodeAddress(port: number, bytes: Uint8Array): Address {
  // A copy: not every runtime decodes shared memory.
  const text = new TextDecoder().decode(bytes.slice(0, bytes.indexOf(0)));
  return port === 0 ? { path: text } : { host: text, port };
}

function writeText(text: string, what: string, into: Uint8Array): void {
  const bytes = new TextEncoder().encode(text);
  const most = ADDRESS_BYTES - 1;
  if (bytes.length < 1 || bytes.length > most || bytes.includes(0)) {
    throw new RangeError(`${what} ${JSON.stringify(text)}: 1 to ${most} bytes without NUL are allowed`);
  }
  into.fill(0, 0, ADDRESS_BYTES);
  into.set(bytes);
}

/** The addresses of the rows as this thread has decoded them: the same object until the row's address changes. */
export class Addresses {
  readonly #layout: PoolLayout;
  readonly #lock: Lock;
  readonly #decoded: Address[] = [];
  /** `addressVersion` of the row when it was decoded. */
  readonly #versions: number[] = [];

  constructor(layout: PoolLayout, lock: Lock) {
    this.#layout = layout;
    this.#lock = lock;
  }

  get(row: number): Address {
    if (this.#versions[row] !== this.#layout.addressVersion[row]) this.#decode(row);
    return this.#decoded[row]!;
  }

  #decode(row: number): void {
    const { addressPort, addressText, addressVersion } = this.#layout;
    // Under the lock the three belong together; decoding waits until it is free.
    this.#lock.take();
    const version = addressVersion[row]!;
    const port = addressPort[row]!;
    const bytes = addressText.slice(row * ADDRESS_BYTES, (row + 1) * ADDRESS_BYTES);
    this.#lock.free();
    this.#decoded[row] = decodeAddress(port, bytes);
    this.#versions[row] = version;
  }
}
