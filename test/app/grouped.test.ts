/** What a balancer does about what others of its group say. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { sharedRevocations } from "../../src/app/grouped.ts";
import { MOST_REVOKED, type Revocation, revocationOf } from "../../src/control/protocol/revocation.ts";
import { ManualClock } from "../support/clock.ts";
import { GroupMemory } from "../support/group-store.ts";
import { settle } from "../support/wait.ts";

describe("keys that others have revoked", () => {
  it("are refused at once, and files and targets are looked at once for thousands of them", async () => {
    const store = new GroupMemory(new ManualClock(1_000_000)).open();
    const all = new Map<string, Revocation>();
    const counts = { refreshed: 0, looked: 0, known: 0 };
    const refresh = () => {
      counts.refreshed++;
      counts.known = all.size;
    };
    const heed = (each: Revocation) => void all.set(each.fingerprint, each);
    const shared = sharedRevocations({ keys: { refresh }, revocations: { all, heed } }, () => counts.looked++);
    const each = (n: number) => revocationOf({ id: `k${n}`, secret: `a secret of the key ${n}` }, "me@there", n + 1);
    const texts = Array.from({ length: MOST_REVOKED }, (_, n) => {
      const { fingerprint, name: key, by, at } = each(n);
      return [fingerprint, { text: JSON.stringify({ key, by, at }), at }] as const;
    });
    await store.stamp("revoked", new Map(texts), "");
    await shared.share({ store, hint: "", now: 1_000_000 });
    await settle();
    assert.deepEqual(counts, { refreshed: 1, looked: 1, known: MOST_REVOKED });

    const { fingerprint } = each(MOST_REVOKED);
    await store.stamp("revoked", new Map([[fingerprint, { text: texts[0]![1].text, at: 9_000 }]]), "");
    shared.stale();
    await shared.share({ store, hint: "", now: 1_000_000 });
    await settle();
    assert.deepEqual([counts.refreshed, all.has(fingerprint)], [2, true], "and the next one as well");
  });
});
