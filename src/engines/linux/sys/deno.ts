/**
 * The C library through Deno.dlopen. Parameters are 32-bit integers and pointer objects only: those are what Deno's
 * compiled fast calls take as they are (a number for a u64 or usize takes twice the time of the whole system call).
 */
import { libraryNames, openFirst } from "../../../util/c-library.ts";
import { type Calls, type Libc, MMAP, type NativeMemory, type Pointer, SIGNATURES } from "./libc.ts";
import { monotonicClock, threadClock } from "./now.ts";

const KINDS = { i: "i32", u: "u32", p: "pointer" } as const;

/** Null where this runtime has no foreign functions at all. Throws when the library cannot be opened or lacks a call. */
export function openLibc(): Libc | null {
  const definitions: Record<string, Deno.ForeignFunction> = {
    __errno_location: { parameters: [], result: "pointer" },
    calloc: { parameters: ["u32", "u32"], result: "pointer" },
    mmap: { parameters: MMAP.parameters.map((kind) => KINDS[kind]), result: "pointer" },
    clock_gettime: { parameters: ["i32", "pointer"], result: "i32" },
  };
  for (const [name, kinds] of Object.entries(SIGNATURES)) {
    definitions[name] = { parameters: kinds.map((kind) => KINDS[kind]), result: "i32" };
  }
  const { symbols } = openFirst(libraryNames(process.arch), (name) => Deno.dlopen(name, definitions));
  const calloc = symbols.calloc as unknown as (count: number, size: number) => Deno.PointerValue;
  const mmap = symbols.mmap as unknown as (...parameters: (number | null)[]) => Deno.PointerObject;
  const errnoLocation = symbols.__errno_location as unknown as () => Deno.PointerObject;
  const clockGettime = symbols.clock_gettime as unknown as (clock: number, time: Pointer) => number;
  const view = (address: Deno.PointerObject, size: number) => Deno.UnsafePointerView.getArrayBuffer(address, size);

  function alloc(size: number): NativeMemory {
    return seen(calloc(1, size), size);
  }

  function pages(size: number): NativeMemory {
    const address = mmap(null, size, MMAP.protection, MMAP.flags, -1, 0);
    return seen(Deno.UnsafePointer.value(address) === MMAP.failed ? null : address, size);
  }

  function seen(address: Deno.PointerValue, size: number): NativeMemory {
    if (address === null) throw new RangeError(`no memory for ${size} bytes`);
    const buffer = view(address, size);
    return {
      bytes: new Uint8Array(buffer),
      at: (offset) => Deno.UnsafePointer.offset(address, offset) as unknown as Pointer,
      putPointer: (offset, to) =>
        new DataView(buffer).setBigUint64(offset, Deno.UnsafePointer.value(to as unknown as Deno.PointerValue), true),
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
