/** Targets of the group as the API shows them: each once, whatever the balancers call it. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as z from "zod/mini";
import { type GroupTargets, groupTargets } from "../../../src/admin/api/schemas/group.ts";
import { shownGroupTargets } from "../../../src/app/operated/group-targets.ts";
import { type Balancer, reporterAt, World } from "../../group/world.ts";

const CLIENT = Uint32Array.of(0, 0, 0xffff, 1);
const WHOLE = { offset: 0, limit: 100 };
const LONG = 1_000_000;

async function twoBalancers(): Promise<{ world: World; a: Balancer; b: Balancer }> {
  const world = new World();
  const [a, b] = [await world.start("a", { lease: LONG }), await world.start("b", { lease: LONG })];
  await a.report(reporterAt("10.0.0.1"));
  await world.pass(2_000);
  return { world, a, b };
}

/** What that balancer shows within so many ms. */
async function seen(
  world: World,
  { group, shares, registry, pools }: Balancer,
  filter: { pool?: string; target?: string } = {},
  span = WHOLE,
): Promise<GroupTargets> {
  const options = { group, shares, rows: registry.rows, pools, statistics: { of: () => undefined } };
  let isShown = false;
  const shows = shownGroupTargets(options, filter, span).finally(() => {
    isShown = true;
  });
  shows.catch(() => undefined); // whoever waits for it hears that
  for (let ms = 0; ms < 1_200 && !isShown; ms += 50) await world.pass(50, 50);
  return z.parse(groupTargets, await shows);
}

function connect(balancer: Balancer, count: number): void {
  for (let n = 0; n < count; n++) assert.ok(balancer.pools.get("p")!.pick(CLIENT, [], 0) >= 0);
}

/** `5 = 2 + 3` of each target by its name; `?` where it is not known, and `+` where that is so of some. */
function sums({ items }: GroupTargets): Record<string, string> {
  return Object.fromEntries(
    items.map(({ id, active, isWhole, shares }) => [
      id,
      `${active}${isWhole ? "" : "+"} = ${shares.map((share) => share.active ?? "?").join(" + ")}`,
    ]),
  );
}

describe("targets of a group", () => {
  it("are shown once at each balancer, with their connections at all of them", async () => {
    const { world, a, b } = await twoBalancers();
    connect(a, 5);
    connect(b, 3);
    const [atA, atB] = [await seen(world, a), await seen(world, b)];
    assert.deepEqual([sums(atA), sums(atB)], [{ "p/10.0.0.1:80": "8 = 5 + 3" }, { "p/10.0.0.1:80": "8 = 3 + 5" }]);
    assert.deepEqual(
      atA.balancers.map(({ name, isSelf, state, active }) => [name, isSelf, state, active]),
      [
        ["a", true, "answered", 5],
        ["b", false, "answered", 3],
      ],
    );
    assert.equal(atA.items[0]!.state, "up");
    world.close();
  });

  it("are one where it is declared at one balancer and has a name at another", async () => {
    const { world, a, b } = await twoBalancers();
    const address = { host: "10.0.0.7", port: 80 };
    const terms = { weight: 9, maxConnections: 0, priority: 0, backup: false, source: "static", name: null } as const;
    b.registry.declare("p", [{ address, ...terms }]);
    await a.report(reporterAt("10.0.0.7"), { id: "seven" });
    await a.report(reporterAt("10.0.0.1"), { drain: true });
    await world.pass(2_000);
    connect(a, 2);
    connect(b, 1);
    assert.equal(sums(await seen(world, b))["p/10.0.0.7:80"], "3 = 1 + 2");
    world.close();
  });

  it("are those as well that another balancer knows alone, and of one pool where that is asked for", async () => {
    const { world, a, b } = await twoBalancers();
    const address = { host: "10.0.0.8", port: 80 };
    const terms = { weight: 9, maxConnections: 0, priority: 0, backup: false, source: "static", name: null } as const;
    b.registry.declare("p", [{ address, ...terms }]);
    await a.report(reporterAt("10.0.0.1"), { drain: true });
    await world.pass(1_000);
    connect(b, 4);
    const shown = await seen(world, a);
    assert.equal(sums(shown)["p/10.0.0.8:80"], "4 = 0 + 4");
    assert.equal(shown.items.find(({ id }) => id === "p/10.0.0.8:80")?.state, null);
    const page = await seen(world, a, { pool: "p" }, { offset: 1, limit: 1 });
    assert.deepEqual([page.items.map(({ id }) => id), page.total, page.next], [["p/10.0.0.8:80"], 2, null]);
    assert.deepEqual(Object.keys(sums(await seen(world, a, { target: "p/10.0.0.1:80" }))), ["p/10.0.0.1:80"]);
    await assert.rejects(seen(world, a, { pool: "q" }), { code: "NO_POOL" });
    world.close();
  });

  it("are this balancer's own where the group is lost, which says so, and nobody waits", async () => {
    const { world, a, b } = await twoBalancers();
    connect(a, 5);
    connect(b, 3);
    world.memory.fault({ lost: true });
    await world.pass(4_000);
    const shown = await seen(world, a);
    assert.deepEqual(sums(shown), { "p/10.0.0.1:80": "5+ = 5 + ?" });
    assert.equal(shown.state, "lost");
    assert.match(shown.reason!, /there is no connection/);
    assert.deepEqual(
      shown.balancers.map(({ state, ageMs, active }) => [state, ageMs, active]),
      [
        ["answered", 0, 5],
        ["silent", null, null],
      ],
    );
    world.close();
  });
});
