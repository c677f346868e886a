/** What other balancers say of targets, beside what the document and reporters say. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { quotaOf } from "../../src/targets/quota.ts";
import type { Report, TargetOwner } from "../../src/targets/report.ts";
import type { SharedTarget } from "../../src/targets/shared-target.ts";
import { ManualClock } from "../support/clock.ts";
import { plainPool, registryOf } from "./registry-of.ts";

const ADDRESS = { host: "10.0.0.1", port: 80 };

function saidOf(id: string, weight: number): SharedTarget {
  const report = { id, pool: "p", port: 80, weight, health: "up", drain: false } as const;
  return { report, address: ADDRESS, key: "k", by: "a", since: 0, at: 0 };
}

describe("a declared target that other balancers know by two names", () => {
  const world = () => {
    const pool = plainPool("p");
    const registry = registryOf({
      pools: new Map([["p", pool]]),
      clock: new ManualClock(0),
      lease: 10_000,
      quotaOf: ({ limits }) => quotaOf(limits, 100),
    });
    const terms = { weight: 9, maxConnections: 0, priority: 0, backup: false };
    registry.declare("p", [{ ...terms, address: ADDRESS, source: "static", name: null }]);
    const { sharing } = registry;
    assert.equal(sharing.take("p/old", saidOf("old", 1)), null);
    assert.equal(sharing.take("p/new", saidOf("new", 2)), null);
    return { sharing, weights: () => pool.targets().map(({ weight }) => weight) };
  };

  it("keeps the later word when the former one ends", () => {
    const { sharing, weights } = world();
    assert.deepEqual(weights(), [2]);
    sharing.drop("p/old");
    assert.deepEqual(weights(), [2]);
    sharing.drop("p/new");
    assert.deepEqual(weights(), [9]);
  });

  it("has the former word again when the later one ends", () => {
    const { sharing, weights } = world();
    sharing.drop("p/new");
    assert.deepEqual(weights(), [1]);
    sharing.drop("p/old");
    assert.deepEqual(weights(), [9]);
  });
});

describe("a target at an address of this balancer's own host", () => {
  const registry = registryOf({
    pools: new Map([["p", plainPool("p")]]),
    clock: new ManualClock(0),
    lease: 10_000,
    quotaOf: ({ limits }) => quotaOf(limits, 100),
    localAddresses: () => [ADDRESS.host],
  });
  const take = (seen: string | undefined, advertise: string | undefined): string | null => {
    const { report, ...rest } = saidOf("x", 1);
    return registry.sharing.take("p/x", { ...rest, seen, report: { ...report, advertise } });
  };

  it("is not used where its reporter has only said that it is there, to a balancer that could not know", () => {
    assert.match(take("10.6.6.6", ADDRESS.host) ?? "", /10\.0\.0\.1 is an address of the balancer's own host/);
    assert.equal(registry.sharing.has("p/x"), false);
  });

  it("is used where its reporter was seen there, or on this host", () => {
    assert.equal(take(ADDRESS.host, undefined), null);
    assert.equal(take(ADDRESS.host, ADDRESS.host), null);
  });

  it("is refused as soon as it is said to be there", () => {
    assert.equal(take(ADDRESS.host, undefined), null);
    assert.notEqual(take("10.6.6.6", ADDRESS.host), null);
  });
});

describe("a target whose reporter was another one at another balancer", () => {
  const owner: TargetOwner = {
    remote: { host: ADDRESS.host, port: 1 },
    key: { id: "k", limits: {} },
    forbids: () => null,
    replaced: () => undefined,
  };

  /** What a first report of credits is answered here, where another balancer's word of that reporter is known, or nobody's. */
  function before(instance: string | null): number | undefined {
    const registry = registryOf({
      pools: new Map([["p", plainPool("p")]]),
      clock: new ManualClock(0),
      lease: 10_000,
      quotaOf: ({ limits }) => quotaOf(limits, 100),
    });
    const { report, ...said } = saidOf("a", 1);
    if (instance !== null) registry.sharing.take("p/a", { ...said, report: { ...report, instance } });
    const credits: Report = { ...report, instance: "new", maxConnections: 9, credits: 0 };
    return registry.report(owner, credits, ADDRESS.host).before;
  }

  it("has had no credits here, and others may have some", () => {
    assert.equal(before("old"), 0);
  });

  it("may have all of them where it is the same reporter, or the first", () => {
    assert.deepEqual([before("new"), before(null)], [undefined, undefined]);
  });
});
