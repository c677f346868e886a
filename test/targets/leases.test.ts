import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Leases } from "../../src/targets/leases.ts";

const HOUR = 3_600_000;

describe("leases", () => {
  it("run out after their time, once, and not before", () => {
    const leases = new Leases();
    leases.renew("a", 0, 100);
    leases.renew("b", 50, 100);
    assert.deepEqual(leases.expire(99), []);
    assert.deepEqual(leases.expire(100), ["a"]);
    assert.deepEqual(leases.expire(149), []);
    assert.deepEqual(leases.expire(1000), ["b"]);
    assert.deepEqual(leases.expire(HOUR), []);
  });

  it("are renewed by a report, shortened too", () => {
    const leases = new Leases();
    leases.renew("a", 0, 100);
    leases.renew("a", 90, 100);
    assert.deepEqual(leases.expire(189), []);
    leases.renew("a", 100, 10);
    assert.deepEqual(leases.expire(110), ["a"]);
  });

  it("stay expired however many hours go by", () => {
    const leases = new Leases();
    leases.renew("a", 0, 60_000);
    assert.deepEqual(leases.expire(HOUR + 1), ["a"]);
    for (let hour = 1; hour < 50; hour++) assert.deepEqual(leases.expire(hour * HOUR + 30_000), []);
  });

  it("can be dropped", () => {
    const leases = new Leases();
    leases.renew("a", 0, 100);
    leases.drop("a");
    assert.deepEqual(leases.expire(HOUR), []);
  });
});
