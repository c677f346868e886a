/** What must be true of whatever reads the beginning of a connection (src/edge/parsed.ts), however its bytes come. */
import assert from "node:assert/strict";
import type { Parsed } from "../../src/edge/parsed.ts";

type Read<T> = (bytes: Uint8Array) => Parsed<T> | { readonly type: "foreign" };

/** Reads `bytes` up to these `cuts` and whole, and gives the last result. What was decided with fewer bytes stays decided. */
export function readInPieces<T>(read: Read<T>, bytes: Uint8Array, cuts: readonly number[]): ReturnType<typeof read> {
  const last = read(bytes);
  for (const cut of cuts) {
    const result = read(bytes.subarray(0, cut));
    if (result.type === "more") {
      assert.ok(result.length > cut, `of ${cut} bytes it wants ${result.length}`);
      if (last.type === "whole") assert.ok(result.length <= last.length, `${result.length} of ${last.length} bytes`);
    } else if (result.type === "whole") {
      assert.ok(result.length <= cut, `${result.length} of ${cut} bytes`);
      assert.deepEqual(result, last);
    } else assert.equal(last.type, result.type, `with ${cut} bytes ${result.type}, with all of them ${last.type}`);
  }
  return last;
}

/** The same with every cut. */
export function readBytewise<T>(read: Read<T>, bytes: Uint8Array): ReturnType<typeof read> {
  return readInPieces(
    read,
    bytes,
    Array.from({ length: bytes.length }, (_, cut) => cut),
  );
}

/** How often it is read where a byte comes at a time and nobody reads before as many are there as are wanted at least. */
export function readings<T>(read: Read<T>, bytes: Uint8Array): number {
  let count = 0;
  for (let wanted = 0; wanted <= bytes.length; ) {
    count++;
    const result = read(bytes.subarray(0, wanted));
    if (result.type !== "more") break;
    wanted = result.length;
  }
  return count;
}
