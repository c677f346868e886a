/** The C library through node:ffi, which Node has from 26 on. Addresses are bigints there. */
import { libraryNames, openFirst } from "../../../util/c-library.ts";
import { type Calls, type Libc, MMAP, type NativeMemory, type Pointer, SIGNATURES } from "./libc.ts";
import { monotonicClock, threadClock } from "./now.ts";

const KINDS = { i: "int32", u: "uint32", p: "pointer" } as const;

const FLAG = "--experimental-ffi";

/** Some versions have it without the flag, too, and then warn of it on standard error: so it is used only when asked for. */
function asked(): boolean {
  return [...process.execArgv, ...(process.env.NODE_OPTIONS ?? "").split(/\s+/)].includes(FLAG);
}

/** Null where this runtime has no foreign functions, or was not asked to have them. Throws when the library cannot be opened or lacks a call. */
export function openLibc(): Libc | null {
  if (!asked()) return null;
  const ffi = process.getBuiltinModule("node:ffi"); // a static import would not even load where there is none
  if (ffi === undefined) return null;
  const definitions: Record<string, { arguments: ("int32" | "uint32" | "pointer")[]; return: "int32" | "pointer" }> = {
    __errno_location: { arguments: [], return: "pointer" },
    calloc: { arguments: ["uint32", "uint32"], return: "pointer" },
    mmap: { arguments: MMAP.parameters.map((kind) => KINDS[kind]), return: "pointer" },
    clock_gettime: { arguments: ["int32", "pointer"], return: "int32" },
  };
  for (const [name, kinds] of Object.entries(SIGNATURES)) {
    definitions[name] = { arguments: kinds.map((kind) => KINDS[kind]), return: "int32" };
  }
  const { functions } = openFirst(libraryNames(process.arch), (name) => ffi.dlopen(name, definitions));
  const calloc = functions.calloc as unknown as (count: number, size: number) => bigint;
  const mmap = functions.mmap as unknown as (...parameters: (bigint | number)[]) => bigint;
  const errnoLocation = functions.__errno_location as unknown as () => bigint;
  const clockGettime = functions.clock_gettime as unknown as (clock: number, time: Pointer) => number;
  const view = (address: bigint, size: number) => ffi.toArrayBuffer(address, size, false);

  function alloc(size: number): NativeMemory {
    return seen(calloc(1, size), size);
  }

  function pages(size: number): NativeMemory {
    const address = mmap(0n, size, MMAP.protection, MMAP.flags, -1, 0);
    return seen(address === MMAP.failed ? 0n : address, size);
  }

  function seen(address: bigint, size: number): NativeMemory {
    if (address === 0n) throw new RangeError(`no memory for ${size} bytes`);
    const buffer = view(address, size);
    return {
      bytes: new Uint8Array(buffer),
      at: (offset) => (address + BigInt(offset)) as unknown as Pointer,
      putPointer: (offset, to) => new DataView(buffer).setBigUint64(offset, to as unknown as bigint, true),
    };
  }

  return {
    ...(functions as unknown as Calls),
    errno: new Int32Array(view(errnoLocation(), 4)),
    nil: 0n as unknown as Pointer,
    alloc,
    pages,
    now: monotonicClock(clockGettime, alloc),
    threadMs: threadClock(clockGettime, alloc),
  };
}
