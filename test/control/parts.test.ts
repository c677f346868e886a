/** The small pure parts of the control channel, one by one. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Repeats } from "../../src/control/server/repeats.ts";
import { Channel } from "../../src/net/line-channel.ts";
import type { Connection } from "../../src/net/runtime.ts";
import { Pool } from "../../src/pool/pool.ts";
import type { ProbeOutcome } from "../../src/targets/probe.ts";
import { resolveHost } from "../../src/targets/resolve.ts";
import { undialable } from "../../src/targets/self-dial-guard.ts";
import { Suspects } from "../../src/targets/suspects.ts";
import { Strangers } from "../../src/util/pre-auth-limit.ts";
import { settle } from "./harness.ts";

describe("strangers", () => {
  it("past the limit of an address: the oldest of that address goes, silent ones first", () => {
    const strangers = new Strangers<string>({ perAddress: 2, total: 10 });
    assert.equal(strangers.add("elsewhere", "B"), null);
    assert.equal(strangers.add("polite", "A"), null);
    assert.equal(strangers.add("silent", "A"), null);
    strangers.saidHello("polite");
    assert.equal(strangers.add("third", "A"), "silent");
    strangers.saidHello("third");
    assert.equal(strangers.add("fourth", "A"), "polite", "all said hello: the oldest");
    assert.deepEqual(strangers.all(), ["elsewhere", "third", "fourth"]);
  });

  it("past the limit in all: the oldest silent one goes, wherever it is", () => {
    const strangers = new Strangers<string>({ perAddress: 2, total: 3 });
    for (const name of ["a", "b", "c"]) assert.equal(strangers.add(name, name), null);
    strangers.saidHello("a");
    assert.equal(strangers.add("d", "d"), "b");
    strangers.delete("c");
    assert.equal(strangers.add("e", "e"), null);
    assert.equal(strangers.size, 3);
  });
});

describe("repeats", () => {
  it("count once per window, and remember no more than their capacity", () => {
    const repeats = new Repeats(1_000, 2);
    assert.deepEqual([repeats.isNew("a", 0), repeats.isNew("a", 999), repeats.isNew("a", 1_000)], [true, false, true]);
    repeats.isNew("b", 1_000);
    repeats.isNew("c", 1_000);
    assert.equal(repeats.isNew("a", 1_001), true, "pushed out by b and c");
    assert.equal(repeats.isNew("c", 1_001), false);
  });
});

describe("the balancer's own addresses", () => {
  const target = (host: string, port = 3000) => ({ host, port });

  it("are known however they are written", () => {
    const own = [{ host: "fd00:0:0:0:0:0:0:1", port: 3000 }];
    assert.ok(undialable(target("fd00::1"), own, []));
    assert.equal(undialable(target("fd00::2"), own, []), null);
    assert.ok(undialable(target("fd00::9"), [{ host: "::", port: 3000 }], ["FD00:0::9"]));
    assert.ok(undialable(target("10.0.0.1"), [{ host: "0.0.0.0", port: 3000 }], ["10.0.0.1"]));
    assert.equal(undialable(target("10.0.0.1", 3001), [{ host: "", port: 3000 }], ["10.0.0.1"]), null);
  });

  it("do not forbid another address of a host that listens on one alone", () => {
    assert.equal(undialable(target("10.0.0.2"), [{ host: "10.0.0.1", port: 3000 }], ["10.0.0.1", "10.0.0.2"]), null);
    assert.equal(undialable(target("127.0.0.2"), [{ host: "127.0.0.1", port: 3000 }], []), null);
  });
});

describe("suspects", () => {
  it("drained while their probe is under way stay drained", async () => {
    const pool = Pool.create({ name: "p", algorithm: "leastconn", persistent: null, concurrency: -1, queue: 0 });
    const spec = { identity: "p/x", address: { host: "10.0.0.1", port: 1 }, weight: 1, maxConnections: 0 };
    pool.set(spec, "up");
    pool.setState("p/x", "suspect");
    let now = 0;
    let answer: (outcome: ProbeOutcome) => void = () => assert.fail("no probe was made");
    const probe = () => new Promise<ProbeOutcome>((resolve) => (answer = resolve));
    const suspects = new Suspects({ pools: new Map([["p", pool]]), now: () => now, probe, onChange: () => undefined });
    suspects.tick();
    now = 1_000;
    suspects.tick();
    pool.set(spec, "draining");
    answer("connected");
    await settle(3);
    assert.equal(pool.view("p/x")?.state, "draining");
  });
});

describe("a channel", () => {
  it("writes one line at a time, in order", async () => {
    const written: string[] = [];
    let busy = false;
    const connection = {
      async write(bytes: Uint8Array) {
        assert.ok(!busy, "one write at a time");
        busy = true;
        await settle(2);
        written.push(Buffer.from(bytes).toString());
        busy = false;
      },
    } as unknown as Connection;
    const channel = new Channel(connection, 100);
    await Promise.all(["a", "b", "c"].map((line) => channel.send(line)));
    assert.deepEqual(written, ["a\n", "b\n", "c\n"]);
  });
});

describe("a channel with thousands of lines at once", () => {
  it("lets others have their turn", async () => {
    const LINES = 2_000;
    let left: Uint8Array | null = Buffer.from("x\n".repeat(LINES));
    const connection = {
      async read() {
        const chunk = left;
        left = null;
        return chunk;
      },
    } as unknown as Connection;
    const channel = new Channel(connection, 100);
    let turns = 0;
    let done = false;
    const turn = () => {
      turns += 1;
      if (!done) setImmediate(turn);
    };
    setImmediate(turn);
    let lines = 0;
    while ((await channel.readLine()) !== null) lines += 1;
    done = true;
    assert.equal(lines, LINES);
    assert.ok(turns >= LINES / 200, `${turns} turns of the event loop in ${LINES} lines`);
  });
});

describe("resolving an advertised host", () => {
  it("leaves literals alone and refuses what has no address, for now", async () => {
    assert.equal(await resolveHost("10.1.2.3"), "10.1.2.3");
    assert.equal(await resolveHost("fd00::1"), "fd00::1");
    await assert.rejects(resolveHost("no-such-host.invalid"), { code: "UNRESOLVED", retry: true });
  });
});
