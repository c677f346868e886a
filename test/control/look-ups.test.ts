/** Holders of a key who ask for names without end, and others who ask for one. */
import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import { NameLookUps } from "../../src/control/server/look-ups.ts";
import { type Deferred, deferred } from "../../src/util/deferred.ts";
import { settle } from "../support/wait.ts";

const STAYS = new AbortController().signal;

/** Look-ups that take until the test answers them. */
class Resolver {
  readonly asked: string[] = [];
  readonly #answers = new Map<string, Deferred<string>>();
  readonly lookUps = new NameLookUps((host) => {
    this.asked.push(host);
    const answer = deferred<string>();
    this.#answers.set(host, answer);
    return answer.promise;
  });

  find(keyId: string, host: string, over = STAYS): Promise<string> {
    return this.lookUps.find(keyId, host, over);
  }

  async answer(host: string): Promise<void> {
    await settle();
    this.#answers.get(host)?.resolve(`address of ${host}`);
    await settle();
  }
}

describe("look-ups of advertised names", () => {
  let resolver: Resolver;

  beforeEach(async () => {
    resolver = new Resolver();
    for (let n = 1; n <= 9; n += 1) void resolver.find("mallory", `slow-${n}`);
    await settle();
  });

  it("of one key leave a place to the others", async () => {
    assert.deepEqual(resolver.asked, ["slow-1", "slow-2", "slow-3"]);
    const found = resolver.find("alice", "quick");
    await resolver.answer("quick");
    assert.equal(await found, "address of quick");
    assert.equal(resolver.asked.length, 4);
  });

  it("are next those of the key that has fewest, then those that have waited longest", async () => {
    void resolver.find("alice", "alice-1");
    void resolver.find("alice", "alice-2");
    void resolver.find("bob", "bob-1");
    await resolver.answer("slow-2");
    assert.deepEqual(resolver.asked.slice(3), ["alice-1", "bob-1"]);
    await resolver.answer("slow-1");
    assert.deepEqual(resolver.asked.slice(5), [], "the last place is for whoever has none");
    await resolver.answer("alice-1");
    assert.deepEqual(resolver.asked.slice(5), ["alice-2"]);
  });

  it("that nobody waits for hold their place until the system has answered, and are not begun any more", async () => {
    const left = new AbortController();
    void resolver.find("alice", "begun", left.signal);
    const waiting = assert.rejects(resolver.find("bob", "waiting", left.signal), { code: "EABORTED" });
    left.abort();
    void resolver.find("carol", "carol-1");
    await settle();
    assert.deepEqual(resolver.asked.slice(3), ["begun"]);
    await waiting;
    await resolver.answer("begun");
    assert.deepEqual(resolver.asked.slice(4), ["carol-1"]);
  });

  it("that fail make room as well", async () => {
    const failing = new NameLookUps(() => Promise.reject(new Error("no such name")));
    const all = Array.from({ length: 9 }, (_, n) => failing.find("mallory", `name-${n}`, STAYS));
    for (const each of all) await assert.rejects(each, /no such name/);
  });
});
