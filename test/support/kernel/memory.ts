/** Memory with addresses that are objects: a call that would leave its block is a fault with a message instead of a corrupted heap. */
import type { NativeMemory, Pointer } from "../../../src/engines/linux/sys/libc.ts";

/** What the engine calls a Pointer. */
class Place {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly offset: number;

  constructor(bytes: Uint8Array<ArrayBuffer>, offset: number) {
    this.bytes = bytes;
    this.offset = offset;
  }
}

export const NIL = null as unknown as Pointer;

export function allocate(size: number): NativeMemory {
  const bytes = new Uint8Array(size);
  return { bytes, at: (offset) => new Place(bytes, offset) as unknown as Pointer };
}

/** The `length` bytes at a pointer. Throws where a kernel would give EFAULT or overwrite what lies behind. */
export function bytesAt(pointer: Pointer, length: number): Uint8Array {
  const place = pointer as unknown as Place | null;
  if (!(place instanceof Place)) throw new Error("a call was given a null or foreign pointer");
  const { bytes, offset } = place;
  if (offset < 0 || length < 0 || offset + length > bytes.length) {
    throw new Error(`a call reaches beyond its memory: ${length} bytes at ${offset} of ${bytes.length}`);
  }
  return bytes.subarray(offset, offset + length);
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
