/** Commands that act: what is ordered, of which targets, and what is said of it. */
import assert from "node:assert/strict";
import { after, afterEach, beforeEach, describe, it } from "node:test";
import type { Target } from "../../../src/admin/api/schemas/targets.ts";
import { removeFolders } from "../../support/folder.ts";
import { isLasting } from "../../support/operated/connections.ts";
import { endPrograms } from "../../support/program.ts";
import { Served } from "./served.ts";

let served: Served;

beforeEach(async () => {
  served = new Served();
  await served.listen();
});
afterEach(async () => {
  await endPrograms();
  await served.close();
  assert.deepEqual(served.faults, []);
});
after(removeFolders);

const target = async (id: string): Promise<Target> => (await served.operated.targets()).find((each) => each.id === id)!;

describe("orders", () => {
  it("of drain and ready are given with a reason, and marked until they are taken back", async () => {
    const drained = await served.run("drain", "web-1", "--reason", "new kernel");
    assert.equal(drained.code, 0);
    assert.match(drained.stdout, /^web\/web-1: drains, /);
    assert.deepEqual(served.operated.asked, [
      ["order", "web", "web-1", { state: "drain", reason: "new kernel" }, "socket"],
    ]);
    assert.match(
      (await served.run("targets")).stdout,
      /web\/web-1 +draining\*[\s\S]*\n\* by an operator's order, taken back by harmony-balancer ready TARGET\n$/,
    );
    assert.match((await served.run("targets", "web-1")).stdout, /order +drain by socket: new kernel\n/);
    assert.equal((await served.run("ready", "web-1")).stdout, "web/web-1: up\n");
    assert.equal((await target("web/web-1")).order, null);
  });

  it("go to every target that a pattern means, and to none where one word means none", async () => {
    const { stdout } = await served.run("maintain", "db/*", "mq-1");
    assert.match(stdout, /^db\/10\.0\.0\.5:5432: out of service.*\ndb\/10\.0\.0\.6:5432: .*\nmqtt\/mq-1: .*\n$/);
    const before = served.operated.asked.length;
    const wrong = await served.run("drain", "web-1", "nope");
    assert.deepEqual([wrong.code, served.operated.asked.length], [3, before]);
  });

  it("of weight are a number, a percentage, or its own again", async () => {
    const half = await served.run("weight", "web-1", "50%", "--json");
    assert.equal((JSON.parse(half.stdout) as Target[])[0]!.weight, 50);
    assert.match(
      (await served.run("weight", "web-1", "web-2", "2")).stdout,
      /^web\/web-1: weight 200 \(its own 100 ×2\), /,
    );
    assert.match((await served.run("targets")).stdout, /order, taken back by harmony-balancer weight TARGET own\n$/);
    await served.run("weight", "web-1", "own");
    const factors = served.operated.asked.map(([, , id, word]) => [id, (word as { factor: number }).factor]);
    assert.deepEqual(factors, [
      ["web-1", 0.5],
      ["web-1", 2],
      ["web-2", 2],
      ["web-1", null],
    ]);
    for (const word of ["101", "-1", "half", "1e1"])
      assert.equal((await served.run("weight", "web-1", word)).code, 2, word);
  });

  it("reach a target at a Unix socket", async () => {
    assert.equal((await served.run("maintain", "mqtt/unix:/run/mq.sock")).code, 0);
    assert.equal((await target("mqtt/unix:/run/mq.sock")).state, "down");
  });
});

describe("drain --wait", () => {
  it("returns at once where no connection is open, and says so", async () => {
    const { code, stdout } = await served.run("drain", "--wait", "mq-1", "web-1");
    assert.deepEqual([code, stdout], [0, "web/web-1, mqtt/mq-1: drained, no connection was open\n"]);
  });
});

describe("kill", () => {
  it("ends connections by id, target, client and pool, and says how many", async () => {
    const { items } = await served.operated.connections({}, "age", true, { offset: 0, limit: 1000 });
    const ids = items
      .filter(isLasting)
      .slice(0, 2)
      .map(({ id }) => id);
    assert.equal((await served.run("kill", ...ids)).stdout, "2 connections ended\n");
    assert.match(
      (await served.run("kill", "--target", "web-1", "--client", "198.51.100.0/24")).stdout,
      /^\d+ connections? ended\n$/,
    );
    const kills = served.operated.asked.filter(([name]) => name === "kill").map(([, filter]) => filter);
    assert.deepEqual(kills, [...ids.map((id) => ({ id })), { client: "198.51.100.0/24", target: "web/web-1" }]);
  });

  it("is 3 where there is none, and 2 where nobody says which", async () => {
    const none = await served.run("kill", "nope");
    assert.deepEqual([none.code, none.stdout], [3, "0 connections ended\n"]);
    assert.match(none.stderr, /no connection nope is open/);
    assert.equal((await served.run("kill")).code, 2);
    assert.equal((await served.run("kill", "x", "--pool", "web")).code, 2);
    assert.deepEqual(
      served.operated.asked.filter(([name]) => name === "kill"),
      [["kill", { id: "nope" }]],
    );
  });
});

describe("reload", () => {
  it("prints the steps, a line each, or JSON", async () => {
    assert.equal((await served.run("reload")).stdout, "pool web: algorithm is leastconn\n");
    assert.equal(JSON.parse((await served.run("reload", "--json")).stdout).steps.length, 1);
  });
});
