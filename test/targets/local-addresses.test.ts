import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { localAddresses } from "../../src/targets/local-addresses.ts";
import { quotaOf } from "../../src/targets/quota.ts";
import type { Report, TargetOwner } from "../../src/targets/report.ts";
import { codeOf } from "../../src/util/errors.ts";
import { ManualClock } from "../support/clock.ts";
import { plainPool, registryOf } from "./registry-of.ts";

describe("the addresses of the balancer's host", () => {
  it("are those of before while the system cannot say: it is out of descriptors", () => {
    const before = localAddresses();
    assert.ok(before.length > 0);
    const now = localAddresses(() => {
      throw new Error("uv_interface_addresses: EMFILE");
    });
    assert.deepEqual(now, before);
  });

  it("are asked for once in a second, however many reports come; a new one is found by the next report after that", () => {
    const host = new Host();
    for (let port = 8000; port < 8100; port++) host.report("10.0.0.1", port);
    assert.equal(host.asked, 1);
    host.report("10.0.0.1", 3000); // at another host still
    host.addresses.push("10.0.0.1"); // it moves here
    host.clock.advance(1_000);
    assert.throws(
      () => host.report("10.0.0.1", 3000),
      (error) => codeOf(error) === "BAD_ADDRESS",
    );
    assert.equal(host.asked, 2);
  });

  it("are those of now for what is judged but once: what the file names, and what is there when a listener comes", () => {
    const host = new Host();
    host.report("10.0.0.2", 3000);
    host.addresses.push("10.0.0.1");
    const terms = { weight: 1, maxConnections: 0, priority: 0, backup: false, source: "static", name: null } as const;
    host.registry.declare("p", [{ address: { host: "10.0.0.1", port: 3000 }, ...terms }]);
    assert.match(host.warnings.join(), /10\.0\.0\.1:3000 is not used: the balancer itself listens/);
    host.addresses.push("10.0.0.2");
    assert.ok(host.pool.view("p/10.0.0.2:3000"));
    host.registry.listening();
    assert.equal(host.pool.view("p/10.0.0.2:3000"), undefined);
  });
});

/** One that listens on port 3000 of all its addresses. */
class Host {
  readonly clock = new ManualClock();
  readonly pool = plainPool();
  readonly addresses = ["10.0.0.99"];
  readonly warnings: string[] = [];
  asked = 0;
  readonly registry = registryOf({
    pools: new Map([["p", this.pool]]),
    clock: this.clock,
    lease: 10_000,
    quotaOf: ({ limits }) => quotaOf(limits, 1_000),
    ownListeners: () => [{ host: "", port: 3000 }],
    localAddresses: () => {
      this.asked += 1;
      return [...this.addresses];
    },
    onWarning: (message) => void this.warnings.push(message),
  });

  report(host: string, port: number): void {
    const owner: TargetOwner = {
      remote: { host, port: 1 },
      key: { id: "k", limits: {} },
      forbids: () => null,
      replaced: () => undefined,
    };
    const report: Report = { pool: "p", port, weight: 1, health: "up", drain: false };
    this.registry.report(owner, report, host);
  }
}
