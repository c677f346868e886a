import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { runtime } from "#runtime";
import { endPrograms, startScript } from "../support/program.ts";

after(endPrograms);

describe("garbage", { skip: runtime.lookForGarbage ? false : "this runtime looks for it by itself" }, () => {
  it("does not pile up beside shared memory that nobody has touched", async (t) => {
    const program = startScript("test/net/garbage-program.ts");
    const { grown } = (await program.prints(0)) as { grown: number };
    t.diagnostic(`grown by ${grown} MB`);
    assert.ok(grown < 100, `grown by ${grown} MB`);
  });
});
