import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { LineChannel } from "../../src/net/line-channel.ts";
import type { Connection } from "../../src/net/runtime.ts";

describe("a line channel", () => {
  it("writes one line at a time, in order", async () => {
    const written: string[] = [];
    let busy = false;
    const connection = {
      async write(bytes: Uint8Array) {
        assert.ok(!busy, "one write at a time");
        busy = true;
        await new Promise((resolve) => setImmediate(resolve));
        written.push(Buffer.from(bytes).toString());
        busy = false;
      },
    } as unknown as Connection;
    const channel = new LineChannel(connection, 100);
    await Promise.all(["a", "b", "c"].map((line) => channel.send(line)));
    assert.deepEqual(written, ["a\n", "b\n", "c\n"]);
  });
});

describe("a line channel with thousands of lines at once", () => {
  it("lets other work run in between", async () => {
    const LINES = 2_000;
    let left: Uint8Array | null = Buffer.from("x\n".repeat(LINES));
    const connection = {
      async read() {
        const chunk = left;
        left = null;
        return chunk;
      },
    } as unknown as Connection;
    const channel = new LineChannel(connection, 100);
    let turns = 0;
    let done = false;
    const turn = () => {
      turns += 1;
      if (!done) setImmediate(turn);
    };
    setImmediate(turn);
    let lines = 0;
    while ((await channel.readLine()) !== null) lines += 1;
    done = true;
    assert.equal(lines, LINES);
    assert.ok(turns >= LINES / 200, `${turns} turns of the event loop in ${LINES} lines`);
  });
});
