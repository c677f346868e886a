/** The targets' sockaddrs, ready for connect(), by row of the pool: made once per address. */
import type { Address } from "../../../net/runtime.ts";
import { mayBeSelf } from "../../../net/self-connect.ts";
import type { SharedPool } from "../../../pool/pool.ts";
import type { Libc, NativeMemory, Pointer } from "../sys/libc.ts";
import { encodeLiteral, encodePath } from "../sys/sockaddr.ts";

/** Room for any sockaddr. */
const SOCKADDR_BYTES = 128;

export interface TargetAddress {
  /** The object the pool gave: it gives another when the address changes. */
  readonly address: Address;
  readonly family: number;
  readonly memory: NativeMemory;
  readonly start: Pointer;
  readonly length: number;
  /** A connection to it may be one to itself: see net/self-connect.ts. */
  readonly maybeSelf: boolean;
}

export class TargetAddresses {
  readonly #libc: Libc;
  readonly #pool: SharedPool;
  readonly #entries: (TargetAddress | undefined)[] = [];

  constructor(libc: Libc, pool: SharedPool) {
    this.#libc = libc;
    this.#pool = pool;
  }

  get(row: number): TargetAddress {
    const address = this.#pool.address(row);
    const known = this.#entries[row];
    if (known?.address === address) return known;
    const memory = known?.memory ?? this.#libc.alloc(SOCKADDR_BYTES);
    const length =
      "path" in address
        ? encodePath(address.path, memory.bytes)
        : encodeLiteral(address.host, address.port, memory.bytes);
    const entry = {
      address,
      family: memory.bytes[0]!,
      memory,
      start: memory.at(0),
      length,
      maybeSelf: mayBeSelf(address),
    };
    this.#entries[row] = entry;
    return entry;
  }
}
