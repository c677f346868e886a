import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  type ClientLimitOptions,
  ClientLimits,
  ENGINE_THREADS,
  MAIN_THREAD,
  NO_CLAIM,
  TLS_THREADS,
  TOO_MANY,
  TOO_OFTEN,
} from "../../../src/edge/access/client-limits.ts";
import { amount } from "../../support/amount.ts";
import fc from "../../support/draws.ts";
import { clientLimits, wordsOf } from "../helpers.ts";

function limits(options: Partial<ClientLimitOptions>, tlsThreads = 0, clients = 64) {
  const data = clientLimits(options, tlsThreads, clients);
  return { data, main: new ClientLimits(data, MAIN_THREAD) };
}

function enter(of: ClientLimits, host: string, now = 1000): number {
  return of.enter(wordsOf(host), 0, now);
}

describe("the connections of a client", () => {
  it("are as many as it may have, and one more when one has ended", () => {
    const { main } = limits({ connections: 2 });
    const claims = [enter(main, "10.0.0.1"), enter(main, "10.0.0.1")];
    assert.ok(claims.every((claim) => claim > NO_CLAIM));
    assert.equal(enter(main, "10.0.0.1"), TOO_MANY);
    assert.ok(enter(main, "10.0.0.2") > NO_CLAIM, "another client's are its own");
    main.leave(claims[0]!);
    assert.ok(enter(main, "10.0.0.1") > NO_CLAIM);
    assert.equal(enter(main, "10.0.0.1"), TOO_MANY);
  });

  it("are counted together for all addresses of a network, of the size that is set", () => {
    const { main } = limits({ connections: 1 });
    assert.ok(enter(main, "2001:db8:1:2::1") > 0);
    assert.equal(enter(main, "2001:db8:1:2:ffff::"), TOO_MANY);
    assert.ok(enter(main, "2001:db8:1:3::1") > 0 && enter(main, "10.0.0.1") > 0 && enter(main, "10.0.0.2") > 0);
    const wide = limits({ connections: 1, v4Bits: 24, v6Bits: 48 }).main;
    assert.ok(enter(wide, "10.0.0.1") > 0 && enter(wide, "2001:db8:1:2::1") > 0);
    assert.equal(enter(wide, "10.0.0.255"), TOO_MANY);
    assert.equal(enter(wide, "2001:db8:1:ffff::1"), TOO_MANY);
    assert.ok(enter(wide, "10.0.1.1") > 0 && enter(wide, "2001:db8:2::1") > 0);
  });

  it("are apart where a /64 is not one subscriber's, and of peers without an address are not counted", () => {
    const { main } = limits({ connections: 1 });
    for (const host of ["fe80::1", "fe80::2", "64:ff9b::1", "64:ff9b::2"]) assert.ok(enter(main, host) > 0, host);
    assert.deepEqual([enter(main, ""), enter(main, "")], [NO_CLAIM, NO_CLAIM]);
  });

  it("stay counted when the limit changes", () => {
    const { main } = limits({ connections: 3 });
    const claims = [enter(main, "10.0.0.1"), enter(main, "10.0.0.1")];
    main.change({ connections: 2, rate: 0, burst: 1, v4Bits: 32, v6Bits: 64 });
    assert.equal(enter(main, "10.0.0.1"), TOO_MANY);
    main.leave(claims[1]!);
    assert.ok(enter(main, "10.0.0.1") > 0);
  });

  it("are seen by all threads, and given back by any", () => {
    const { data, main } = limits({ connections: 1 });
    const worker = new ClientLimits(data, ENGINE_THREADS);
    const claim = enter(worker, "10.0.0.1");
    assert.equal(enter(main, "10.0.0.1"), TOO_MANY);
    main.leave(claim);
    assert.ok(enter(worker, "10.0.0.1") > 0);
  });

  it("are given back when the TLS thread has died that had them, and no others", () => {
    const { data, main } = limits({ connections: 2 }, 2);
    const [first, second] = [0, 1].map((n) => new ClientLimits(data, TLS_THREADS + n)) as [ClientLimits, ClientLimits];
    enter(first, "10.0.0.1");
    const kept = enter(second, "10.0.0.1");
    first.leave(enter(first, "10.0.0.2"));
    main.returnAll(TLS_THREADS);
    main.returnAll(TLS_THREADS);
    assert.ok(enter(main, "10.0.0.2") > 0, "what it had given back itself is given back once");
    assert.ok(enter(main, "10.0.0.1") > 0);
    assert.equal(enter(main, "10.0.0.1"), TOO_MANY);
    second.leave(kept);
    assert.ok(enter(main, "10.0.0.1") > 0);
  });

  it("of clients for whom there is no room any more are let in, and said to be", () => {
    const { data, main } = limits({ connections: 1 }, 0, 16); // one bucket
    for (let i = 0; i < 16; i++) assert.ok(enter(main, `10.0.0.${i}`) > 0);
    assert.equal(ClientLimits.untracked(data), 0);
    assert.deepEqual([enter(main, "10.0.0.99"), enter(main, "10.0.0.99")], [NO_CLAIM, NO_CLAIM]);
    assert.equal(ClientLimits.untracked(data), 2);
    assert.equal(enter(main, "10.0.0.3"), TOO_MANY, "those who were there stay counted");
  });
});

describe("the rate of a client", () => {
  it("allows for a burst, and then for one each interval", () => {
    const { main } = limits({ rate: 10, burst: 3 });
    const tries = [1000, 1000, 1000, 1000, 1099, 1100, 1100, 1200, 1250, 1300];
    assert.deepEqual(
      tries.map((now) => enter(main, "10.0.0.1", now) === NO_CLAIM),
      [true, true, true, false, false, true, false, true, false, true],
    );
  });

  it("gives the whole burst again after a rest, and no more", () => {
    const { main } = limits({ rate: 10, burst: 2 });
    assert.deepEqual(
      [1000, 1000, 9000, 9000, 9000].map((now) => enter(main, "10.0.0.1", now)),
      [NO_CLAIM, NO_CLAIM, NO_CLAIM, NO_CLAIM, TOO_OFTEN],
    );
  });

  it("is not charged for whom the number of connections turns away", () => {
    const { main } = limits({ rate: 1, burst: 2, connections: 1 });
    const claim = enter(main, "10.0.0.1");
    assert.equal(enter(main, "10.0.0.1"), TOO_MANY);
    main.leave(claim);
    assert.ok(enter(main, "10.0.0.1") > 0);
  });

  it("that was owed by another clock, or to a former rate, is forgiven", () => {
    const { main } = limits({ rate: 10, burst: 1 });
    enter(main, "10.0.0.1", 1.7e12);
    assert.equal(enter(main, "10.0.0.1", 1000), NO_CLAIM);
    assert.equal(enter(main, "10.0.0.1", 1000), TOO_OFTEN);
  });

  it("is forgotten first of clients who owe least, when others need the room", () => {
    const { main } = limits({ rate: 1, burst: 1 }, 0, 16);
    for (let i = 0; i < 16; i++) enter(main, `10.0.0.${i}`, 1000 + i);
    enter(main, "10.0.0.16", 1020);
    assert.deepEqual(
      [1, 15, 16].map((i) => enter(main, `10.0.0.${i}`, 1030)),
      [TOO_OFTEN, TOO_OFTEN, TOO_OFTEN],
    );
    assert.equal(enter(main, "10.0.0.0", 1030), NO_CLAIM);
  });
});

describe("the limits of many clients", () => {
  it("are those that a plain list of what each has open and when it came gives", () => {
    const act = fc.record({
      host: fc.integer({ min: 0, max: 5 }).map((n) => `10.0.0.${n}`),
      wait: fc.constantFrom(0, 1, 49, 50, 51, 1000),
      leaves: fc.boolean(),
    });
    fc.assert(
      fc.property(
        fc.array(act, { maxLength: 80 }),
        fc.nat({ max: 3 }),
        fc.integer({ min: 1, max: 4 }),
        (acts, connections, burst) => {
          const { main } = limits({ connections, rate: 20, burst });
          const open = new Map<string, number[]>();
          const due = new Map<string, number>();
          let now = 5000;
          for (const { host, wait, leaves } of acts) {
            now += wait;
            const claims = open.get(host) ?? [];
            if (leaves) {
              main.leave(claims.pop() ?? NO_CLAIM);
              continue;
            }
            const from = Math.max(now, due.get(host) ?? 0);
            const full = connections > 0 && claims.length === connections;
            const early = from - now > (burst - 1) * 50;
            const result = enter(main, host, now);
            assert.equal(Math.min(result, 0), full ? TOO_MANY : early ? TOO_OFTEN : 0);
            if (full || early) continue;
            due.set(host, from + 50);
            open.set(host, [...claims, result]);
          }
        },
      ),
      { numRuns: amount(500) },
    );
  });

  it("find their counts among 65,536 others", () => {
    const many = amount(50_000);
    const { data, main } = limits({ connections: 1 }, 0, 65_536);
    const claims = Array.from({ length: many }, (_, i) => enter(main, `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`));
    assert.ok(claims.every((claim) => claim > 0));
    assert.equal(new Set(claims).size, many);
    assert.equal(ClientLimits.untracked(data), 0);
    assert.equal(enter(main, "10.0.1.1"), TOO_MANY);
    for (const claim of claims) main.leave(claim);
    assert.ok(enter(main, "10.0.1.1") > 0);
  });
});
