/** Memory in pages of its own. */
import assert from "node:assert/strict";
import * as abi from "../../../../src/engines/linux/sys/abi.ts";
import type { Programs } from "./programs.ts";

/** A multiple of every page size there is. */
const PART = 64 * 1024;

export const memory: Programs = {
  "pages are zeroed, and again after they were given back": (b) => {
    const { bytes, at } = b.libc.pages(3 * PART);
    assert.ok(bytes.every((byte) => byte === 0));
    bytes.fill(7);
    assert.equal(b.outcome(b.libc.madvise(at(PART), PART, abi.MADV_DONTNEED)), 0);
    assert.deepEqual([bytes[PART - 1], bytes[PART], bytes[2 * PART - 1], bytes[2 * PART]], [7, 0, 0, 7]);
    bytes.fill(8, PART, 2 * PART);
    assert.equal(bytes[PART], 8);
  },

  "only whole pages are given back": (b) => {
    const pages = b.libc.pages(PART);
    assert.equal(b.outcome(b.libc.madvise(pages.at(1), PART / 2, abi.MADV_DONTNEED)), "EINVAL");
  },

  "no memory is an error": (b) => {
    assert.throws(() => b.libc.pages(0), RangeError);
  },
};
