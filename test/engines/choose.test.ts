import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { chooseEngine } from "../../src/engines/choose.ts";
import type { EngineFactory } from "../../src/engines/engine.ts";
import { portable } from "../../src/engines/portable/engine.ts";

function engine(name: EngineFactory["name"], test: () => Promise<string | null>): EngineFactory {
  return {
    name,
    test,
    create() {
      throw new Error("choosing creates nothing");
    },
  };
}

const works = async () => null;
const fails = async () => "no epoll here";

describe("chooseEngine", () => {
  it("finds an engine on every runtime", async () => {
    assert.equal((await chooseEngine("portable")).factory, portable);
    assert.ok((await chooseEngine("auto")).factory);
  });

  it("takes the first that works, and says why not the others", async () => {
    const last = engine("portable", works);
    assert.deepEqual(await chooseEngine("auto", [engine("linux", fails), last]), {
      factory: last,
      passedOver: [{ name: "linux", reason: "no epoll here" }],
    });
    const first = engine("linux", works);
    assert.deepEqual(await chooseEngine("auto", [first, last]), { factory: first, passedOver: [] });
  });

  it("takes no other than the one that was asked for", async () => {
    const engines = [engine("linux", fails), engine("portable", works)];
    await assert.rejects(chooseEngine("linux", engines), {
      code: "ENGINE_UNAVAILABLE",
      fault: "config",
      message: /engine "linux" cannot run here: linux: no epoll here \(it has: auto, linux, portable\)/,
    });
    assert.equal((await chooseEngine("portable", engines)).factory, engines[1]);
  });

  it("takes a self-test that throws for one that fails", async () => {
    const broken = engine("linux", async () => {
      throw new Error("bad layout");
    });
    const { passedOver } = await chooseEngine("auto", [broken, engine("portable", works)]);
    assert.deepEqual(passedOver, [{ name: "linux", reason: "its self-test failed: bad layout" }]);
  });

  it("says so when there is no such engine at all", async () => {
    await assert.rejects(chooseEngine("linux", [engine("portable", works)]), {
      code: "ENGINE_UNAVAILABLE",
      message: /this build has no such engine/,
    });
  });
});
