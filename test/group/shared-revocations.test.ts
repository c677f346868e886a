/** What one balancer of a group revokes is known to all, whatever becomes of the store. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MOST_REVOKED, type Revocation, revocationOf } from "../../src/control/protocol/revocation.ts";
import { SharedRevocations } from "../../src/group/shared-revocations.ts";
import type { GroupStore } from "../../src/group/store.ts";
import { ManualClock } from "../support/clock.ts";
import { GroupMemory } from "../support/group-store.ts";

const revoked = (id: string, at: number): Revocation =>
  revocationOf({ id, secret: `the secret of ${id}, which is long` }, "me@there", at);

/** What a balancer knows to be revoked. */
class Book {
  readonly all = new Map<string, Revocation>();
  readonly shared: SharedRevocations;
  readonly #store: GroupStore;

  constructor(store: GroupStore, own: readonly Revocation[] = []) {
    this.#store = store;
    for (const each of own) this.all.set(each.fingerprint, each);
    this.shared = new SharedRevocations({ all: this.all, heed: (each) => void this.all.set(each.fingerprint, each) });
    this.shared.begin();
  }

  revoke(revocation: Revocation): void {
    this.all.set(revocation.fingerprint, revocation);
    this.shared.revoked(revocation);
  }

  async share(now = 0): Promise<void> {
    this.shared.stale();
    await this.shared.share({ store: this.#store, hint: "", now });
  }

  get names(): string[] {
    return [...this.all.values()].map(({ name }) => name).sort();
  }
}

describe("shared revocations", () => {
  const memoryOf = () => new GroupMemory(new ManualClock(1_000_000));

  it("are known to all, those from before the start as well, and written anew where the store has lost them", async () => {
    const memory = memoryOf();
    const [one, other] = [new Book(memory.open(), [revoked("a", 1)]), new Book(memory.open())];
    other.revoke(revoked("b", 2));
    for (const book of [one, other, one]) await book.share();
    assert.deepEqual(
      [one.names, other.names],
      [
        ["a", "b"],
        ["a", "b"],
      ],
    );
    assert.deepEqual(other.all.get(revoked("a", 1).fingerprint), revoked("a", 1));
    memory.clear();
    one.shared.forgotten();
    await one.share();
    const late = new Book(memory.open());
    await late.share();
    assert.deepEqual(late.names, ["a", "b"]);
  });

  it("are written again where a copy that is behind by one has taken the store's place", async () => {
    const memory = memoryOf();
    const one = new Book(memory.open(), [revoked("a", 1)]);
    await one.share();
    const before = new Map(memory.common.get("revoked"));
    one.revoke(revoked("b", 2));
    await one.share();
    memory.common.set("revoked", before);
    for (let turn = 0; turn < 2; turn++) await one.share();
    const late = new Book(memory.open());
    await late.share();
    assert.deepEqual(late.names, ["a", "b"]);
  });

  it("that are older than as many as are kept are not written again for ever, whoever knows which", async () => {
    const memory = memoryOf();
    const all = Array.from({ length: MOST_REVOKED + 20 }, (_, n) => revoked(`k${n}`, 1));
    const books = [
      new Book(memory.open(), all.slice(0, MOST_REVOKED)),
      new Book(memory.open(), all.slice(20).reverse()),
      new Book(memory.open(), all.slice(10, -10)),
    ];
    // Those that none of these understands are among the ones that are kept.
    const later = Array.from({ length: 10 }, (_, n) => [revoked(`later${n}`, 1).fingerprint, { text: "{}", at: 9 }]);
    await memory.open().stamp("revoked", new Map(later as [string, { text: string; at: number }][]), "");
    for (let turn = 0; turn < 4; turn++) for (const book of books) await book.share();
    const { changes } = memory.counts;
    for (let turn = 0; turn < 3; turn++) for (const book of books) await book.share();
    assert.equal(memory.counts.changes, changes, "something was written or removed again");
    assert.equal(memory.common.get("revoked")!.size, MOST_REVOKED);
  });

  it("that somebody has dated far ahead are the first to go", async () => {
    const memory = memoryOf();
    const now = memory.wallClock();
    const forged = Array.from({ length: MOST_REVOKED }, (_, n) => {
      const { fingerprint, name: key, by } = revoked(`forged${n}`, 0);
      return [fingerprint, { text: JSON.stringify({ key, by, at: 4e12 }), at: 4e12 }] as const;
    });
    memory.common.set("revoked", new Map(forged));
    const [one, other] = [new Book(memory.open()), new Book(memory.open())];
    for (const book of [one, other]) await book.share(now);
    one.revoke(revoked("a", now));
    one.revoke(revoked("b", now));
    for (const book of [one, other, one]) await book.share(now);
    const kept = memory.common.get("revoked")!;
    assert.equal(kept.size, MOST_REVOKED);
    for (const id of ["a", "b"]) {
      assert.ok(kept.has(revoked(id, 0).fingerprint), `${id} is in the store`);
      assert.ok(other.all.has(revoked(id, 0).fingerprint), `${id} is known to all`);
    }
  });

  it("have no secret in the store", async () => {
    const memory = memoryOf();
    await new Book(memory.open(), [revoked("a", 1)]).share();
    assert.doesNotMatch(JSON.stringify([...memory.common.get("revoked")!]), /secret/);
  });

  it("are the newest of too many, in the store as well", async () => {
    const memory = memoryOf();
    const all = Array.from({ length: MOST_REVOKED + 2 }, (_, n) => revoked(`k${n}`, n + 1));
    const one = new Book(memory.open(), all.slice(0, MOST_REVOKED));
    const other = new Book(memory.open(), all.slice(MOST_REVOKED));
    for (const book of [one, other, one]) await book.share();
    const kept = memory.common.get("revoked")!;
    assert.equal(kept.size, MOST_REVOKED);
    assert.deepEqual(
      [0, 1, 2, MOST_REVOKED + 1].map((n) => kept.has(all[n]!.fingerprint)),
      [false, false, true, true],
    );
    assert.ok(one.all.has(all[MOST_REVOKED + 1]!.fingerprint));
  });

  it("that are none, or of a later version, are left alone", async () => {
    const memory = memoryOf();
    const store = memory.open();
    const { fingerprint } = revoked("a", 1);
    const good = JSON.stringify({ key: "a", by: "me", at: 1 });
    const values = new Map([
      ["no fingerprint", { text: good, at: 1 }],
      [fingerprint, { text: JSON.stringify({ key: "a", until: 5 }), at: 1 }],
    ]);
    await store.stamp("revoked", values, "");
    const book = new Book(memory.open());
    await book.share();
    assert.deepEqual(book.names, []);
    assert.equal(memory.common.get("revoked")!.size, 2);
  });
});
