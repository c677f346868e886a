import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Fifo } from "../../../src/engines/linux/worker/fifo.ts";

describe("fifo", () => {
  it("gives numbers in the order in which they came, however both are mixed", () => {
    const fifo = new Fifo();
    const model: number[] = [];
    let seed = 1;
    for (let i = 0; i < 10_000; i++) {
      seed = (seed * 48_271) % 0x7fff_ffff;
      assert.equal(fifo.empty, model.length === 0);
      if (seed % 5 < (i % 1_000 < 500 ? 3 : 2)) {
        fifo.add(i);
        model.push(i);
      } else {
        if (!fifo.empty) assert.equal(fifo.first, model[0]);
        assert.equal(fifo.take(), model.shift() ?? -1);
      }
    }
  });
});
