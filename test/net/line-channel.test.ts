import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { LineChannel } from "../../src/net/line-channel.ts";
import type { Connection } from "../../src/net/runtime.ts";
import { settle } from "../support/wait.ts";

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

describe("a line channel that has its empty lines taken", () => {
  it("passes them over, and reads no more while who takes them wants it to wait", async () => {
    const chunks = ["a\n\n\n", "\n", "b\n"];
    const connection = { read: async () => Buffer.from(chunks.shift()!) } as unknown as Connection;
    const channel = new LineChannel(connection, 100);
    assert.equal(String(await channel.readLine()), "a");
    let taken = 0;
    let goOn: () => void = () => undefined;
    channel.onEmpty = () => {
      taken += 1;
      return taken === 1 ? undefined : new Promise((resolve) => (goOn = resolve));
    };
    const line = channel.readLine();
    await settle();
    assert.equal(taken, 2);
    assert.equal(chunks.length, 2);
    goOn();
    await settle();
    assert.equal(taken, 3);
    assert.equal(chunks.length, 1);
    goOn();
    assert.equal(String(await line), "b");
  });
});
