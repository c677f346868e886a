/** A key file that changes while sessions are open. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { hostEnvironment } from "../../src/control/keys/key-places.ts";
import { Keys } from "../../src/control/keys/keys.ts";
import { removeFolders, temporaryFolder } from "../support/folder.ts";
import { until } from "../support/wait.ts";
import { leavesNothing, REPORT, SECRET, World } from "./harness.ts";

const A = "10.0.0.7";
const ID = `default/${A}:8080`;

const folder = temporaryFolder("server-keys");
after(removeFolders);
let count = 0;

/** A balancer whose keys come from a file, of which `write` gives the content. */
async function withFile(content: string) {
  const path = join(folder, String(count++));
  const write = (lines: string) => writeFileSync(path, lines, { mode: 0o600 });
  write(content);
  const world = await World.start({ keys: new Keys([], path, hostEnvironment()) });
  await world.target(A);
  return { world, write };
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

  it("without the key ends the session; the target serves on until its reporter is back", async () => {
    const { world, write } = await withFile(`web:${SECRET}\n`);
    const raw = await world.raw(A);
    await raw.ask(REPORT);
    write(`next:${SECRET}\n`);
    await world.pass(1_000, 100);
    const farewell = await raw.hear();
    assert.ok(farewell?.t === "goodbye" && farewell.code === "KEY_CHANGED");
    assert.equal(world.pool.targets()[0]?.state, "up");
    assert.deepEqual(world.story, [`targetUp ${ID}`, "keysLoaded 1", "rejected KEY_CHANGED"]);
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
