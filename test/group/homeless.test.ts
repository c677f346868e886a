/** Bindings of other balancers that wait for their targets. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { BoundThere } from "../../src/group/binding-batch.ts";
import { Homeless } from "../../src/group/homeless.ts";

const there = (target: string, ...clients: string[]): BoundThere => ({
  pool: "p",
  target,
  clients: clients.map((client) => [client, 0, 0] as const),
});

describe("bindings to targets that are not known", () => {
  it("wait, in the order in which they came, until they are", () => {
    const known = new Set<string>();
    const taken: BoundThere[] = [];
    const homeless = new Homeless((each) => known.has(each.target) && taken.push(each) > 0);
    const [first, second, other] = [there("p/a", "10.0.0.1"), there("p/a", "10.0.0.2"), there("p/b", "10.0.0.3")];
    for (const each of [first, other, second]) homeless.add(each);
    homeless.look();
    assert.deepEqual(taken, []);
    known.add("p/a");
    for (let n = 0; n < 2; n++) homeless.look();
    assert.deepEqual(taken, [first, second]);
  });

  it("are so many at most, also where none is bound to them; those that have waited for longest go", () => {
    let seen: string[] = [];
    const homeless = new Homeless(({ target }) => seen.push(target) < 0, 100_000);
    const names = Array.from({ length: 250_000 }, (_, n) => `p/${n}`);
    for (const [n, name] of names.entries()) homeless.add(n % 2 === 0 ? there(name) : there(name, "10.0.0.1"));
    homeless.look();
    assert.ok(seen.length >= 90_000 && seen.length <= 100_000, `${seen.length} wait`);
    assert.deepEqual(seen, names.slice(-seen.length));
    seen = [];
    homeless.add(there("p/all", ...Array.from({ length: 89_999 }, (_, n) => `10.1.${n >> 8}.${n & 255}`)));
    homeless.look();
    assert.deepEqual(seen, [names.at(-1), "p/all"]);
  });
});
