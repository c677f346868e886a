import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Worker } from "node:worker_threads";
import { openLibc } from "#ffi";

const libc = process.platform === "linux" ? openLibc() : null;
const skip = libc === null ? "no foreign functions here" : false;

describe("the engine's clock", () => {
  it("is the same in a thread that was started after the machine's date was changed", { skip }, async () => {
    const thread = new Worker(new URL("./clock-worker.ts", import.meta.url));
    try {
      const before = libc!.now();
      const itsTime = await new Promise<number>((resolve, reject) => {
        thread.on("message", resolve).on("error", reject);
      });
      assert.ok(itsTime >= before && itsTime <= libc!.now(), `${itsTime - before} ms apart`);
    } finally {
      await thread.terminate();
    }
  });
});
