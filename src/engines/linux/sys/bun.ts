/** The C library through bun:ffi. Addresses are numbers there, so any offset is free. */
import { dlopen, FFIType, toArrayBuffer } from "bun:ffi";
import { libraryNames, openFirst } from "../../../util/c-library.ts";
import { type Calls, type Libc, MMAP, type NativeMemory, type Pointer, SIGNATURES } from "./libc.ts";
import { monotonicClock, threadClock } from "./now.ts";

const KINDS = { i: FFIType.i32, u: FFIType.u32, p: FFIType.ptr };

/** Null where this runtime has no foreign functions at all. Throws when the library cannot be opened or lacks a call. */
export function openLibc(): Libc | null {
  const definitions: Record<string, { args: FFIType[]; returns: FFIType }> = {
    __errno_location: { args: [], returns: FFIType.ptr },
    calloc: { args: [FFIType.u32, FFIType.u32], returns: FFIType.ptr },
    mmap: { args: MMAP.parameters.map((kind) => KINDS[kind]), returns: FFIType.ptr },
    clock_gettime: { args: [FFIType.i32, FFIType.ptr], returns: FFIType.i32 },
  };
  for (const [name, kinds] of Object.entries(SIGNATURES)) {
    definitions[name] = { args: kinds.map((kind) => KINDS[kind]), returns: FFIType.i32 };
  }
  const { symbols } = openFirst(libraryNames(process.arch), (name) => dlopen(name, definitions));
  const calloc = symbols.calloc as unknown as (count: number, size: number) => number | null;
  const mmap = symbols.mmap as unknown as (...parameters: (number | null)[]) => number | bigint; // bigint beyond what a number holds
  const errnoLocation = symbols.__errno_location as unknown as () => number;
  const clockGettime = symbols.clock_gettime as unknown as (clock: number, time: Pointer) => number;
  const view = (address: number, size: number) => toArrayBuffer(address as never, 0, size);

  function alloc(size: number): NativeMemory {
    return seen(calloc(1, size), size);
  }

  function pages(size: number): NativeMemory {
    const address = mmap(null, size, MMAP.protection, MMAP.flags, -1, 0);
    return seen(address === MMAP.failed ? null : (address as number), size);
  }

  function seen(address: number | null, size: number): NativeMemory {
    if (!address) throw new RangeError(`no memory for ${size} bytes`);
    const buffer = view(address, size);
    return {
      bytes: new Uint8Array(buffer),
      at: (offset) => (address + offset) as unknown as Pointer,
      putPointer: (offset, to) => new DataView(buffer).setBigUint64(offset, BigInt(to as unknown as number), true),
    };
  }

  return {
    ...(symbols as unknown as Calls),
    errno: new Int32Array(view(errnoLocation(), 4)),
    nil: null as unknown as Pointer,
    alloc,
    pages,
    now: monotonicClock(clockGettime, alloc),
    threadMs: threadClock(clockGettime, alloc),
  };
}
