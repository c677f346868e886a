import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { chooseEngine } from "../../src/engines/choose.ts";
import type { EngineFactory } from "../../src/engines/engine.ts";
import { portable } from "../../src/engines/portable/engine.ts";

function engine(name: EngineFactory["name"], test: EngineFactory["test"]): EngineFactory {
  return {
    name,
    test,
    create() {
      throw new Error("choosing creates nothing");
    },
  };
}

const wish = {
  listen: [
    { host: "", port: 1 },
    { path: "/run/a.sock", mode: null, owner: null, group: null },
  ],
};
const works = async () => null;
const fails = async () => "no epoll here";

describe("chooseEngine", () => {
  it("finds an engine on every runtime", async () => {
    assert.equal((await chooseEngine("portable", wish)).factory, portable);
    assert.ok((await chooseEngine("auto", wish)).factory);
  });

  it("takes the first that works, and says why not the others", async () => {
    const last = engine("portable", works);
    assert.deepEqual(await chooseEngine("auto", wish, [engine("linux", fails), last]), {
      factory: last,
      passedOver: [{ name: "linux", reason: "no epoll here" }],
    });
    const first = engine("linux", works);
    assert.deepEqual(await chooseEngine("auto", wish, [first, last]), { factory: first, passedOver: [] });
  });

  it("passes over one that cannot listen as is wished, with its reason", async () => {
    const noPaths: EngineFactory["test"] = async ({ listen }) =>
      listen.some((where) => "path" in where) ? "no paths" : null;
    const engines = [engine("linux", noPaths), engine("portable", works)];
    const passedOver = [{ name: "linux", reason: "no paths" }];
    assert.deepEqual(await chooseEngine("auto", wish, engines), { factory: engines[1], passedOver });
    const byPort = { listen: [{ host: "", port: 1 }] };
    assert.deepEqual(await chooseEngine("auto", byPort, engines), { factory: engines[0], passedOver: [] });
  });

  it("takes no other than the one that was asked for", async () => {
    const engines = [engine("linux", fails), engine("portable", works)];
    await assert.rejects(chooseEngine("linux", wish, engines), {
      code: "ENGINE_UNAVAILABLE",
      fault: "config",
      message: /engine "linux" cannot run here: linux: no epoll here \(it has: auto, linux, portable\)/,
    });
    assert.equal((await chooseEngine("portable", wish, engines)).factory, engines[1]);
  });

  it("takes a self-test that throws for one that fails", async () => {
    const broken = engine("linux", async () => {
      throw new Error("bad layout");
    });
    const { passedOver } = await chooseEngine("auto", wish, [broken, engine("portable", works)]);
    assert.deepEqual(passedOver, [{ name: "linux", reason: "its self-test failed: bad layout" }]);
  });

  it("says so when there is no such engine at all", async () => {
    await assert.rejects(chooseEngine("linux", wish, [engine("portable", works)]), {
      code: "ENGINE_UNAVAILABLE",
      message: /this build has no such engine/,
    });
  });
});
