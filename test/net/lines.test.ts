import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { LineSplitter } from "../../src/net/lines.ts";
import fc from "../support/draws.ts";

function split(chunks: Uint8Array[], limit = 8192): string[] {
  const splitter = new LineSplitter(limit);
  const lines: string[] = [];
  for (const chunk of chunks) {
    splitter.push(chunk);
    for (let line = splitter.next(); line; line = splitter.next()) lines.push(Buffer.from(line).toString());
    chunk.fill(0x21); // the chunk's memory belongs to its owner again
  }
  return lines;
}

const cutInto = (bytes: Uint8Array, cuts: number[]): Uint8Array[] => {
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return places.slice(1).map((end, index) => bytes.slice(places[index], end));
};

const tooLong = (error: unknown) => (error as { code?: string }).code === "LINE_TOO_LONG";

describe("lines", () => {
  it("come out whole wherever the stream is cut", () => {
    const line = fc.string({ unit: "grapheme" }).map((text) => text.replaceAll("\n", ""));
    fc.assert(
      fc.property(fc.array(line), fc.array(fc.nat()), (lines, cuts) => {
        const bytes = Buffer.from(lines.map((each) => `${each}\n`).join(""));
        assert.deepEqual(split(cutInto(bytes, cuts)), lines);
      }),
    );
  });

  it("come out whole byte by byte", () => {
    const bytes = Buffer.from('{"a":1}\n\n{"b":"ä"}\n');
    assert.deepEqual(split([...bytes].map((byte) => Uint8Array.of(byte))), ['{"a":1}', "", '{"b":"ä"}']);
  });

  it("may have exactly the limit, LF included, and not a byte more, however they arrive", () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 200 }), fc.array(fc.nat()), (limit, cuts) => {
        const fits = Buffer.from(`${"x".repeat(limit - 1)}\n`);
        assert.equal(split(cutInto(fits, cuts), limit)[0]?.length, limit - 1);
        const over = Buffer.from(`${"x".repeat(limit)}\n`);
        assert.throws(() => split(cutInto(over, cuts), limit), tooLong);
      }),
    );
  });

  it("never hold more than the limit of a line without end", () => {
    const splitter = new LineSplitter(1024);
    const chunk = new Uint8Array(64 * 1024).fill(0x78);
    splitter.push(chunk);
    assert.throws(() => splitter.next(), tooLong);
  });

  it("without their LF at the end of the stream do not count", () => {
    assert.deepEqual(split([Buffer.from("whole\nhalf")]), ["whole"]);
  });
});
