import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { runtime } from "#runtime";
import { endPrograms, Program, startScript } from "../support/program.ts";
import { skip, withFewDescriptors } from "./few-descriptors.ts";

after(endPrograms);

describe("garbage", { skip: runtime.lookForGarbage ? false : "this runtime looks for it by itself" }, () => {
  it("does not pile up beside shared memory that nobody has touched", async (t) => {
    const program = startScript("test/net/garbage-program.ts");
    const { grown } = (await program.prints(0)) as { grown: number };
    t.diagnostic(`grown by ${grown} MB`);
    assert.ok(grown < 100, `grown by ${grown} MB`);
  });

  it("is left where it is while no descriptor is free by which the process could see how large it is", {
    skip,
  }, async () => {
    const program = new Program(withFewDescriptors("garbage-blind.ts"));
    const { taken } = (await program.prints(0)) as { taken: number };
    assert.ok(taken > 0);
  });
});
