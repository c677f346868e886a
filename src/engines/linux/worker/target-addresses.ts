/** The sockaddrs of a pool's targets, ready for connect(), by row: made once per address. */
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

/** Memory for them. It cannot be freed, so that of pools which are gone is used again. */
export class AddressMemory {
  readonly #libc: Libc;
  readonly #free: NativeMemory[] = [];

  constructor(libc: Libc) {
    this.#libc = libc;
  }

  take(): NativeMemory {
    return this.#free.pop() ?? this.#libc.alloc(SOCKADDR_BYTES);
  }

  giveBack(memory: NativeMemory): void {
    this.#free.push(memory);
  }
}

export class TargetAddresses {
  readonly #memory: AddressMemory;
  readonly #pool: SharedPool;
  readonly #entries: (TargetAddress | undefined)[] = [];

  constructor(memory: AddressMemory, pool: SharedPool) {
    this.#memory = memory;
    this.#pool = pool;
  }

  get(row: number): TargetAddress {
    const address = this.#pool.address(row);
    const known = this.#entries[row];
    if (known?.address === address) return known;
    const memory = known?.memory ?? this.#memory.take();
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

  /** Its pool is gone. */
  giveBack(): void {
    for (const entry of this.#entries.splice(0)) if (entry !== undefined) this.#memory.giveBack(entry.memory);
  }
}
