/** Memory with addresses that are objects: a call that would leave its block is a fault with a message instead of a corrupted heap. */
import { EINVAL, ENOMEM, SK_MEMINFO_SNDBUF, SK_MEMINFO_VARS } from "../../../src/engines/linux/sys/abi.ts";
import type { NativeMemory, Pointer } from "../../../src/engines/linux/sys/libc.ts";
import { PAGE_BYTES } from "./numbers.ts";

/** What the engine calls a Pointer. */
class Place {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly offset: number;
  /** Of a block that begins with a page and has pages of its own. */
  readonly mapped: boolean;

  constructor(bytes: Uint8Array<ArrayBuffer>, offset: number, mapped: boolean) {
    this.bytes = bytes;
    this.offset = offset;
    this.mapped = mapped;
  }
}

export const NIL = null as unknown as Pointer;

/** Places that structs in memory point to, by the address that stands for them there. */
const pointedTo: Place[] = [];

export function allocate(size: number, mapped: boolean): NativeMemory {
  const bytes = new Uint8Array(size);
  return {
    bytes,
    at: (offset) => new Place(bytes, offset, mapped) as unknown as Pointer,
    putPointer: (offset, to) =>
      new DataView(bytes.buffer).setBigUint64(offset, BigInt(pointedTo.push(placeOf(to))), true),
  };
}

/** madvise(MADV_DONTNEED): the pages are as new. */
export function dropPages(pointer: Pointer, length: number): number {
  const { bytes, mapped, offset } = pointer as unknown as Place;
  if (offset % PAGE_BYTES !== 0) return -EINVAL;
  const pages = Math.ceil(length / PAGE_BYTES) * PAGE_BYTES;
  if (!mapped || offset + pages > Math.ceil(bytes.length / PAGE_BYTES) * PAGE_BYTES) return -ENOMEM;
  bytes.fill(0, offset, offset + pages);
  return 0;
}

/** The pointer that a struct holds at `at`. */
export function pointerIn(struct: Uint8Array, at: number): Pointer {
  const address = new DataView(struct.buffer, struct.byteOffset).getBigUint64(at, true);
  return (pointedTo[Number(address) - 1] ?? NIL) as unknown as Pointer;
}

function placeOf(pointer: Pointer): Place {
  const place = pointer as unknown as Place | null;
  if (!(place instanceof Place)) throw new Error("a call was given a null or foreign pointer");
  return place;
}

/** The `length` bytes at a pointer. Throws where a kernel would give EFAULT or overwrite what lies behind. */
export function bytesAt(pointer: Pointer, length: number): Uint8Array {
  const { bytes, offset } = placeOf(pointer);
  if (offset < 0 || length < 0 || offset + length > bytes.length) {
    throw new Error(`a call reaches beyond its memory: ${length} bytes at ${offset} of ${bytes.length}`);
  }
  return bytes.subarray(offset, offset + length);
}

/** Up to the byte 0. */
export function textAt(pointer: Pointer): string {
  const { bytes, offset } = placeOf(pointer);
  const end = bytes.indexOf(0, offset);
  if (end < 0) throw new Error("a call reaches beyond its memory: a text without an end");
  return new TextDecoder().decode(bytes.subarray(offset, end));
}

export function readInt(pointer: Pointer): number {
  return readIntFrom(bytesAt(pointer, 4), 0);
}

/** 32 bits, little-endian. */
export function readIntFrom(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}

export function writeInt(pointer: Pointer, value: number): void {
  putInt(bytesAt(pointer, 4), 0, value);
}

/** 32 bits, little-endian. */
export function putInt(into: Uint8Array, at: number, value: number): void {
  into[at] = value;
  into[at + 1] = value >> 8;
  into[at + 2] = value >> 16;
  into[at + 3] = value >> 24;
}

/** As getsockname and the like do: as much of `value` as fits into the length at `length`, and its true length there. */
export function writeSized(pointer: Pointer, length: Pointer, value: Uint8Array): void {
  const room = readInt(length);
  bytesAt(pointer, Math.min(room, value.length)).set(value.subarray(0, room));
  writeInt(length, value.length);
}

/** SO_MEMINFO, as far as it is looked at; `queued` stands in the word of that number. As much as fits; returns how much that is. */
export function putMemory(into: Uint8Array, sendBuffer: number, word: number, queued: number): number {
  const length = Math.min(into.length, 4 * SK_MEMINFO_VARS) & ~3;
  into.fill(0, 0, length);
  for (const [at, value] of [
    [SK_MEMINFO_SNDBUF, sendBuffer],
    [word, queued],
  ] as const) {
    if (4 * at < length) putInt(into, 4 * at, value);
  }
  return length;
}
