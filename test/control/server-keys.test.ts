/** A key file that changes while sessions are open. */
import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { hostEnvironment } from "../../src/control/keys/key-places.ts";
import { Keys } from "../../src/control/keys/keys.ts";
import type { ControlServerOptions } from "../../src/control/server/server.ts";
import { NO_TARGET } from "../../src/pool/types.ts";
import { removeFolders, temporaryFolder } from "../support/folder.ts";
import { until } from "../support/wait.ts";
import { LEASE, leavesNothing, REPORT, SECRET, World } from "./harness.ts";

const A = "10.0.0.7";
const ID = `default/${A}:8080`;

const folder = temporaryFolder("server-keys");
after(removeFolders);
let count = 0;

/** A balancer whose keys come from a file, of which `write` gives the content. */
async function withFile(content: string, options: Partial<ControlServerOptions> = {}) {
  const path = join(folder, String(count++));
  const write = (lines: string) => writeFileSync(path, lines, { mode: 0o600 });
  write(content);
  const world = await World.start({ keys: new Keys([], path, hostEnvironment()), ...options });
  await world.target(A);
  return { world, write, remove: () => rmSync(path) };
}

describe("a key file that changes", () => {
  it("excludes a target within a second: it goes out though its reporter says nothing", async () => {
    const { world, write } = await withFile(`web:${SECRET} port=8080\n`);
    const raw = await world.raw(A);
    await raw.ask(REPORT);
    write(`web:${SECRET} port=80\nother:${SECRET}\n`);
    await world.pass(1_000, 100);
    assert.deepEqual(world.pool.targets(), []);
    assert.deepEqual(world.story, [
      `targetUp ${ID}`,
      "keysLoaded 2",
      `targetLeave ${ID} rejected`,
      "rejected FORBIDDEN",
    ]);
    const farewell = await raw.hear();
    assert.ok(farewell?.t === "goodbye" && farewell.code === "FORBIDDEN" && /only 80/.test(farewell.reason));
    await leavesNothing(world, raw);
  });

  it("without leave to advertise any more excludes a target that is advertised", async () => {
    const { world, write } = await withFile(`web:${SECRET} advertise=192.168.7.0/24\n`);
    const raw = await world.raw(A);
    assert.equal((await raw.ask({ ...REPORT, advertise: "192.168.7.7" }))?.t, "ok");
    write(`web:${SECRET} port=8080\n`);
    await world.pass(1_000, 100);
    assert.deepEqual(world.pool.targets(), []);
    const farewell = await raw.hear();
    assert.ok(farewell?.t === "goodbye" && farewell.code === "FORBIDDEN" && /may not advertise/.test(farewell.reason));
    await leavesNothing(world, raw);
  });

  it("that lists more than a message holds is told in part, and the session goes on as it would", async () => {
    const ranges = Array.from({ length: 99 }, (_, index) => `192.168.${index}.0/24`).join();
    const { world } = await withFile(`web:${SECRET} from=${ranges}\n`);
    const raw = await world.raw(A);
    const answer = await raw.ask(REPORT);
    assert.ok(answer?.t === "reject" && answer.code === "FORBIDDEN" && answer.reason.length === 500);
    assert.match(answer.reason, /only from 192\.168\.0\.0\/24, .*…$/);
    await leavesNothing(world, raw);
  });

  it("whose new limits allow the target leaves the session alone, and holds for its next report", async () => {
    const { world, write } = await withFile(`web:${SECRET}\n`);
    const raw = await world.raw(A);
    await raw.ask(REPORT);
    write(`web:${SECRET} max-weight=500\n`);
    await world.pass(1_000, 100);
    assert.equal((await raw.ask(REPORT))?.t, "ok");
    const answer = await raw.ask({ ...REPORT, weight: 501 });
    assert.ok(answer?.t === "reject" && answer.code === "FORBIDDEN");
    assert.deepEqual(world.pool.targets(), []);
    await leavesNothing(world, raw);
  });

  for (const [what, lines] of [
    ["without the key", `next:${SECRET}\n`],
    ["that has another secret for it", `web:${SECRET}-2\n`],
  ] as const) {
    it(`${what} ends the session and takes the target out within a second; open connections finish`, async () => {
      const { world, write } = await withFile(`web:${SECRET}\n`);
      const raw = await world.raw(A);
      await raw.ask(REPORT);
      const client = Uint32Array.of(0, 0, 0xffff, 1);
      const row = world.pool.pick(client, [], 0);
      write(lines);
      await world.pass(1_000, 100);
      const farewell = await raw.hear();
      assert.ok(farewell?.t === "goodbye" && farewell.code === "KEY_CHANGED");
      assert.deepEqual(world.pool.targets(), []);
      assert.equal(world.pool.pick(client, [], 0), NO_TARGET);
      assert.equal(world.pool.view(ID)?.active, 1);
      world.pool.release(row, client, 0, 0, 0);
      assert.deepEqual(world.story, [
        `targetUp ${ID}`,
        "keysLoaded 1",
        "rejected KEY_CHANGED",
        `targetLeave ${ID} revoked`,
        "keyGone web 1 1",
      ]);
      await leavesNothing(world, raw);
    });
  }

  it("is told once of a key that is gone, while its session ends and another key goes", async () => {
    const { world, write } = await withFile(`web:${SECRET}\nnext:${SECRET}\nlast:${SECRET}\n`);
    const raw = await world.raw(A);
    await raw.ask(REPORT);
    write(`next:${SECRET}\nlast:${SECRET}\n`);
    await world.pass(600, 50);
    write(`last:${SECRET}\n`);
    await world.pass(600, 50);
    assert.deepEqual(
      world.story.filter((text) => text.startsWith("key")),
      ["keysLoaded 2", "keyGone web 1 1", "keysLoaded 1"],
    );
    await leavesNothing(world, raw);
  });

  for (const isDown of [false, true]) {
    it(`without the key takes a target out whose reporter is gone, ${isDown ? "and that is down" : "and would count for a day"}`, async () => {
      const { world, write } = await withFile(`web:${SECRET}\n`, { hostTimeout: 86_400_000 });
      const raw = await world.raw(A);
      await raw.ask({ ...REPORT, health: isDown ? "down" : "up" });
      await raw.close();
      await until("the end of the session", () => world.server.sessions === 0);
      await world.pass(2 * LEASE);
      assert.equal(world.pool.targets()[0]?.state, isDown ? "down" : "up");
      write(`next:${SECRET}\n`);
      await world.pass(1_000, 100);
      assert.deepEqual(world.pool.targets(), []);
      assert.deepEqual(world.story.slice(-2), [`targetLeave ${ID} revoked`, "keyGone web 0 1"]);
      await leavesNothing(world);
    });
  }

  it("that allows less takes a target out whose reporter is gone, and would count for a day", async () => {
    const { world, write } = await withFile(`web:${SECRET} from=${A}\n`, { hostTimeout: 86_400_000 });
    const raw = await world.raw(A);
    await raw.ask(REPORT);
    await raw.close();
    await until("the end of the session", () => world.server.sessions === 0);
    write(`web:${SECRET} from=${A} port=8080 max-weight=500 pool=default\n`);
    await world.pass(1_000, 100);
    assert.equal(world.pool.targets().length, 1, "this one is still allowed");
    write(`web:${SECRET} from=10.0.0.99\n`);
    await world.pass(1_000, 100);
    assert.deepEqual(world.pool.targets(), []);
    assert.equal(world.story.at(-1), `targetLeave ${ID} rejected`);
    await leavesNothing(world);
  });

  it("that is gone, or cannot be read, takes nothing from anybody", async () => {
    const { world, write, remove } = await withFile(`web:${SECRET}\n`);
    const raw = await world.raw(A);
    await raw.ask(REPORT);
    remove();
    await world.pass(2_000, 100);
    write("web:short\n");
    await world.pass(2_000, 100);
    assert.equal(world.pool.targets()[0]?.state, "up");
    assert.equal((await raw.ask(REPORT))?.t, "ok");
    await leavesNothing(world, raw);
  });

  it("is one rejection to a reporter whose target it excludes, which comes back once it may", async () => {
    const { world, write } = await withFile(`web:${SECRET}\n`);
    const { client, story } = world.reporter(A);
    client.start();
    await until("the target", () => world.pool.targets().length === 1);
    write(`web:${SECRET} port=80\n`);
    await world.pass(30_000, 500);
    assert.deepEqual(
      story().filter((event) => event !== "connected"),
      ["registered", "rejected FORBIDDEN"],
    );
    write(`web:${SECRET}\n`);
    await world.pass(11_000, 500);
    assert.equal(story().at(-1), "registered");
    await leavesNothing(world, client);
  });
});
