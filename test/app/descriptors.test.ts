/** Descriptors for clients and for the control channel. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { shareDescriptors, targetPlaces } from "../../src/app/descriptors.ts";
import { descriptorLimit } from "../../src/engines/linux/sys/descriptor-limit.ts";
import { reserveOf } from "../../src/engines/reserve.ts";
import { PLACES } from "../../src/util/pre-auth-limit.ts";

describe("what is left to the control channel", () => {
  it("is room for all strangers and for a reporter of each target, where the limit is far above that", () => {
    for (const limit of [20_000, Number.POSITIVE_INFINITY]) {
      const { reserve, strangers, warning } = shareDescriptors(1_000, limit);
      assert.ok(reserve >= PLACES + 1_000, `${reserve}`);
      assert.deepEqual([strangers, warning], [PLACES, null]);
    }
  });

  it("is a quarter of a low limit, of which strangers get half", () => {
    const { reserve, strangers, warning } = shareDescriptors(1_000, 1_024);
    assert.deepEqual([reserve, strangers, warning], [256, 128, null]);
  });

  it("is so little with a very low limit that the operator is told", () => {
    const { reserve, strangers, warning } = shareDescriptors(1_000, 128);
    assert.deepEqual([reserve, strangers], [32, 16]);
    assert.match(warning ?? "", /only 128 file descriptors .* 32 of them .*ulimit -n/);
    assert.equal(reserveOf(3), 0);
    assert.equal(shareDescriptors(1, 3).strangers, 1);
  });
});

it("ports that are opened for reporters take a quarter of what clients have", () => {
  assert.equal(shareDescriptors(1_000, 1_024).ports, (1_024 - 256) / 4);
  assert.equal(shareDescriptors(1_000, Number.POSITIVE_INFINITY).ports, Number.POSITIVE_INFINITY);
});

it("many pools share room, of which the largest may fill its own", () => {
  const pools = (...each: number[]) => new Map(each.map((maxTargets, name) => [String(name), { maxTargets }]));
  assert.equal(targetPlaces(pools(1_024)), 1_024);
  assert.equal(targetPlaces(pools(1_024, 10)), 1_034);
  assert.equal(targetPlaces(pools(...new Array<number>(1_000).fill(1_024))), 16_384);
  assert.equal(targetPlaces(pools(100_000, 1_024)), 100_000);
});

it("the limit of this process is known on Linux", { skip: process.platform !== "linux" }, () => {
  const limit = descriptorLimit();
  assert.ok(Number.isInteger(limit) && limit >= 256, `${limit}`);
});
