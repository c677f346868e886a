/** What every store of a group makes of claims: src/group/permits.ts. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { type Claim, type Claimed, type Claims, isThere, MOST_LIFE_MS, SEQ_REACH } from "../../src/group/permits.ts";
import type { GroupStore } from "../../src/group/store.ts";
import fc from "../support/draws.ts";
import { until } from "../support/wait.ts";

type Open = () => Promise<GroupStore>;
type Forge = (name: string, text: string) => Promise<void>;

const LONG_MS = MOST_LIFE_MS;

function claims(seq: number, of: Record<string, Partial<Claim>>, part: Partial<Claims> = {}): Claims {
  const pools = Object.entries(of).map(([pool, claim]) => {
    const holds = claim.holds ?? 0;
    return { pool, limit: 10, holds, keeps: holds, wants: holds, used: 0, waiting: 0, ...claim };
  });
  return { seq, life: LONG_MS, quiet: 0, quietIfEmpty: 0, pools, others: new Map(), ...part };
}

/** `held of limit, lacking` by pool. */
function got(claimed: Claimed | null, pool = "p"): string {
  const own = claimed?.own.pools.get(pool);
  return own === undefined ? "nothing" : `${own.held} of ${own.limit}, lacking ${own.lack}`;
}

export function claimsSuite(open: Open, forge: Forge): void {
  it("gives as much as it wants and is free, of each pool by itself", async () => {
    const [a, b] = [await open(), await open()];
    assert.equal(got(await a.claim("a", claims(1, { p: { wants: 7 } }), "")), "7 of 10, lacking 0");
    const second = await b.claim("b", claims(1, { p: { wants: 7 }, q: { wants: 7, limit: 5 } }), "");
    assert.equal(got(second), "3 of 10, lacking 4");
    assert.equal(got(second, "q"), "5 of 5, lacking 2");
    assert.equal(got(await a.claim("a", claims(2, { p: { holds: 2 } }), "")), "2 of 10, lacking 0");
    assert.equal(got(await b.claim("b", claims(2, { p: { holds: 3, wants: 7 } }), "")), "7 of 10, lacking 0");
  });

  it("says what the others hold, use and wait for, and when they said so", async () => {
    const [a, b] = [await open(), await open()];
    await a.claim("a", claims(4, { p: { wants: 7, used: 5, waiting: 3 } }, { life: 60_000 }), "");
    const claimed = await b.claim("b", claims(1, {}), "");
    assert.deepEqual([...claimed!.others.keys()], ["a"]);
    const { at, life, seq, pools } = claimed!.others.get("a")!;
    assert.deepEqual([life, seq], [60_000, 4]);
    assert.ok(at <= claimed!.now && at > claimed!.now - 60_000, `${at} at ${claimed!.now}`);
    assert.deepEqual([...pools], [["p", { held: 7, used: 5, waiting: 3, limit: 10, lack: 0 }]]);
    const { others } = (await a.claim("a", claims(5, { p: {} }), ""))!;
    assert.equal(isThere(others.get("b")!, claimed!.now), false, "who has no limit is not there");
  });

  it("keeps what is held, whatever is free, and gives nobody more then", async () => {
    const [a, b] = [await open(), await open()];
    await a.claim("a", claims(1, { p: { holds: 8 } }), "");
    assert.equal(got(await b.claim("b", claims(1, { p: { holds: 6, wants: 7 } }), "")), "6 of 10, lacking 1");
    assert.equal(got(await a.claim("a", claims(2, { p: { holds: 8, wants: 9 } }), "")), "8 of 10, lacking 1");
  });

  it("the smallest limit that anybody has said counts", async () => {
    const [a, b] = [await open(), await open()];
    await a.claim("a", claims(1, { p: { wants: 2, limit: 6 } }), "");
    assert.equal(got(await b.claim("b", claims(1, { p: { wants: 20, limit: 100 } }), "")), "4 of 100, lacking 16");
  });

  it("a claim that comes after a later one changes nothing", async () => {
    const [a, b] = [await open(), await open()];
    await a.claim("a", claims(2, { p: { wants: 7 } }), "");
    assert.equal(await a.claim("a", claims(1, { p: { wants: 1 } }), ""), null);
    assert.equal(await a.claim("a", claims(2, { p: { wants: 1 } }), ""), null);
    assert.equal(got(await b.claim("b", claims(1, { p: { wants: 9 } }), "")), "3 of 10, lacking 6");
  });

  it("what is not renewed runs out; what is claimed no more, and what is forgotten, is free at once", async () => {
    const [a, b] = [await open(), await open()];
    const want = () => b.claim("b", claims(seq++, { p: { wants: 10 } }), "");
    let seq = 1;
    await a.claim("a", claims(1, { p: { wants: 7 } }, { life: 50 }), "");
    await until("what has run out", async () => got(await want()) === "10 of 10, lacking 0");
    await b.claim("b", claims(seq++, { p: {} }), "");
    await a.claim("a", claims(2, { p: { wants: 7 } }), "");
    await a.claim("a", claims(3, {}), "");
    assert.equal(got(await want()), "10 of 10, lacking 0");
    await b.forget("b", "");
    assert.equal(got(await a.claim("a", claims(4, { p: { wants: 10 } }), "")), "10 of 10, lacking 0");
  });

  it("has again what others had said, where it has nothing of them or something earlier, and as long as that counts", async () => {
    const [a, b, c] = [await open(), await open(), await open()];
    await a.claim("a", claims(1, { p: { wants: 3 } }), "");
    const heard = async (seq: number) => (await b.claim("b", claims(seq, {}), ""))!.others.get("a")!.text;
    const first = await heard(1);
    await a.claim("a", claims(2, { p: { wants: 4, used: 2 } }, { life: 60_000 }), "");
    const second = await heard(2);
    const told = async (seq: number, text: string) => {
      const others = new Map([["a", text]]);
      const claimed = await c.claim("c", claims(seq, { p: { wants: 10 } }, { others }), "");
      return [got(claimed), claimed!.others.get("a")?.text ?? "nothing"];
    };
    assert.deepEqual(await told(1, first), ["6 of 10, lacking 4", second], "it has something later");
    for (const id of ["a", "b", "c"]) await b.forget(id, "");
    assert.deepEqual(await told(2, first), ["7 of 10, lacking 3", first]);
    assert.deepEqual(await told(3, second), ["6 of 10, lacking 4", second]);
    await a.claim("a", claims(3, {}), "");
    assert.equal((await told(4, second))[0], "10 of 10, lacking 0", "it has been given back");
    await a.forget("a", "");
    assert.deepEqual(await told(5, second.replace(/^\d+ \d+/, "1 1")), ["10 of 10, lacking 0", "nothing"]);
    const ahead = await told(6, second.replace(/^\d+/, "9999999999999"));
    assert.ok(Number(ahead[1]!.split(" ")[0]) < 9999999999999, "a clock was ahead");
    await a.forget("a", "");
    assert.deepEqual(await told(7, "of a later version"), ["10 of 10, lacking 0", "nothing"]);
  });

  it("gives nobody more while it is quiet, but what was kept; once it is over, all", async () => {
    const [a, b] = [await open(), await open()];
    const first = await a.claim("a", claims(1, { p: { keeps: 3, wants: 7 } }, { quietIfEmpty: LONG_MS }), "");
    assert.equal(got(first), "3 of 10, lacking 4");
    assert.ok(first!.quietUntil > first!.now && first!.quietUntil <= first!.now + 60_000, "and not for long");
    assert.equal(got(await b.claim("b", claims(1, { p: { keeps: 9, wants: 9 } }), "")), "7 of 10, lacking 2");
    assert.equal(got(await b.claim("b", claims(2, { p: { holds: 8, wants: 9 } }), "")), "8 of 10, lacking 1");
  });

  it("is quiet from the moment when somebody says so, for as long as that", async () => {
    const [a, b] = [await open(), await open()];
    await a.claim("a", claims(1, { p: { wants: 2 } }), "");
    const { quietUntil } = (await a.claim("a", claims(2, { p: { holds: 2 } }, { quiet: 400 }), ""))!;
    let seq = 1;
    await until("the end of the quiet", async () => {
      const claimed = await b.claim("b", claims(seq++, { p: { wants: 5 } }), "");
      const isOver = claimed!.now >= quietUntil;
      assert.equal(got(claimed), isOver ? "5 of 10, lacking 0" : "0 of 10, lacking 5");
      return isOver;
    });
  });

  it("tells the others of what somebody lacks, and of what is given back while somebody does, and of nothing else", async () => {
    const [a, b] = [await open(), await open()];
    const heard: string[] = [];
    b.onHint = (hint) => heard.push(hint);
    await a.claim("a", claims(1, { p: { wants: 7 } }), "enough");
    await b.claim("b", claims(1, { p: { wants: 7 } }), "lacks 4");
    await b.claim("b", claims(2, { p: { holds: 3, wants: 7 } }), "the same again");
    await a.claim("a", claims(2, { p: { holds: 6 } }), "one is given back");
    await b.claim("b", claims(3, { p: { holds: 3, wants: 4 } }), "it has enough");
    await a.claim("a", claims(3, { p: { holds: 5 } }), "nobody lacks it");
    await b.claim("b", claims(4, { p: { holds: 4, wants: 9 } }), "lacks again");
    await a.claim("a", claims(4, { p: { holds: 4, waiting: 2 } }), "clients wait");
    await a.claim("a", claims(5, { p: { holds: 4, waiting: 3 } }), "more clients wait");
    await b.claim("b", claims(5, { p: { holds: 3, wants: 3 } }), "one is given back for them");
    await b.claim("b", claims(6, { p: { holds: 3, wants: 9 } }), "lacks once more");
    await a.claim("a", claims(6, {}), "all are given back");
    await until("the last hint", () => heard.includes("all are given back"));
    assert.deepEqual(heard, [
      "lacks 4",
      "one is given back",
      "lacks again",
      "clients wait",
      "one is given back for them",
      "lacks once more",
      "all are given back",
    ]);
  });

  it("never gives more than the limit, whoever claims what at the same time", async () => {
    const stores = [await open(), await open(), await open()];
    const held = [0, 0, 0];
    let seq = 1;
    const draw = fc.array(fc.array(fc.nat(12), { minLength: 3, maxLength: 3 }), { minLength: 1, maxLength: 10 });
    await fc.assert(
      fc.asyncProperty(draw, async (rounds) => {
        for (const wants of rounds) {
          seq++;
          await Promise.all(
            stores.map(async (store, i) => {
              const holds = Math.min(held[i]!, wants[i]!);
              const claimed = await store.claim(`id ${i}`, claims(seq, { p: { holds, wants: wants[i]! } }), "");
              held[i] = claimed!.own.pools.get("p")!.held;
            }),
          );
          assert.ok(held.reduce((sum, each) => sum + each, 0) <= 10, `${held} after ${wants}`);
        }
      }),
      { numRuns: 30 },
    );
  });

  it("what somebody else has written counts from now at most, and for a while at most", async () => {
    const a = await open();
    await a.claim("a", claims(1, { p: {} }), "");
    await forge("forged", "9007199254740990 9999999999 9007199254740990;p 7 0 0 10 0");
    let seq = 2;
    const claim = () => a.claim("a", claims(seq++, { p: { wants: 10 } }), "");
    const first = (await claim())!;
    assert.equal(got(first), "3 of 10, lacking 7");
    const { at, life } = first.others.get("forged")!;
    assert.ok(at <= first.now && life <= MOST_LIFE_MS, `${at} and ${life}`);
    assert.equal((await claim())!.others.get("forged")!.at, at, "not from each look on");
  });

  it("what is told again is no longer than a while either", async () => {
    const a = await open();
    const others = new Map([["gone", "9007199254740990 9999999999 1;p 7 0 0 10 0"]]);
    const { now, others: heard } = (await a.claim("a", claims(1, { p: {} }, { others }), ""))!;
    const { at, text } = heard.get("gone")!;
    assert.ok(at <= now);
    assert.match(text, new RegExp(`^${at} ${MOST_LIFE_MS} 1;`));
  });

  for (const text of ["nan", "inf", "-1", "0x10", "1e300", "9".repeat(400), ""])
    it(`a time of quiet that is "${text.slice(0, 10)}" hinders nobody for long`, async () => {
      const a = await open();
      await a.claim("a", claims(1, { p: {} }), "");
      await forge("quiet", text);
      const claimed = (await a.claim("a", claims(2, { p: { wants: 2 } }), ""))!;
      assert.ok(claimed.quietUntil <= claimed.now + 60_000);
      if (!text.startsWith("9")) assert.equal(got(claimed), "2 of 10, lacking 0");
    });

  it("numbers beyond all bounds, and what is longer than any of Harmony's, hinder no claim", async () => {
    const a = await open();
    await a.claim("a", claims(1, { p: {} }), "");
    const many = "9".repeat(400);
    await forge("a", `${many} ${many} ${many};p ${many} ${many} ${many} ${many} ${many}`);
    await forge("b", `${many} ${many} ${many};p ${many} ${many} ${many} ${many} ${many}`);
    assert.match(got(await a.claim("a", claims(2, { p: { holds: 1, wants: 2 } }), "")), /^[12] of 10/);
    await forge("b", `1 ${many} 1${";p 7 0 0 10 0".repeat(5_000)}`);
    assert.equal(got(await a.claim("a", claims(3, { p: { holds: 1, wants: 2 } }), "")), "2 of 10, lacking 0");
  });

  it("a number that no earlier claim of it can have had keeps none from counting", async () => {
    const a = await open();
    await a.claim("a", claims(1, { p: { wants: 1 } }), "");
    for (const number of [2 + SEQ_REACH, "9999999999999999", "9".repeat(400)]) {
      await forge("a", `1 1 ${number};p 1 0 0 10 0`);
      assert.equal(got(await a.claim("a", claims(2, { p: { wants: 2 } }), "")), "2 of 10, lacking 0", `${number}`);
    }
    await forge("a", `1 1 ${1 + SEQ_REACH};p 1 0 0 10 0`);
    assert.equal(await a.claim("a", claims(2, { p: { wants: 2 } }), ""), null);
  });

  it("of thousands of rows all count, and some are answered", async () => {
    const a = await open();
    const row = (n: number): [string, string] => [`forged ${n}`, `${Date.now() + LONG_MS} 60000 1;p 1 0 0 9000 0`];
    const others = new Map(Array.from({ length: 5_000 }, (_, n) => row(n)));
    const claimed = (await a.claim("a", claims(1, { p: { wants: 9_000, limit: 9_000 } }, { others }), ""))!;
    assert.equal(got(claimed), "4000 of 9000, lacking 5000");
    assert.equal(claimed.others.size, 1_000);
  });
}
