/** What the log is told of reporters that join and exchange their keys: news, and nothing twice. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { invitedEvents } from "../../src/app/invited.ts";
import { balancerKeys } from "../../src/control/keys/find-keys.ts";
import { hostEnvironment } from "../../src/control/keys/key-places.ts";
import { fingerprintOf } from "../../src/control/keys/public-key.ts";
import { removeFolders, temporaryFolder } from "../support/folder.ts";

after(removeFolders);

const key = (number: number) => new Uint8Array(32).fill(number);

describe("the log", () => {
  it("is told once of each that joins and of each new key, however often they say so", async () => {
    const reporters = join(temporaryFolder("invited"), "reporters");
    const {
      hint: _,
      warning: __,
      ...trust
    } = balancerKeys({ key: "a-secret-of-the-tests", reporters }, hostEnvironment());
    const told: string[] = [];
    const events = invitedEvents(trust, (...event) => void told.push(event.join(" ")));
    await trust.invitations.create({ name: "web", uses: 1, until: Date.now() + 60_000, limits: {}, publicKey: key(9) });
    const { id } = trust.invitations.open()[0]!;
    for (let n = 0; n < 3; n += 1) await events.invitations?.redeem(id, key(1));
    for (let n = 0; n < 3; n += 1) await events.reporters?.rotate("web", key(1), key(2));
    assert.deepEqual(told, [
      `reporterJoined web ${fingerprintOf(key(1))}`,
      `reporterRotated web ${fingerprintOf(key(2))}`,
    ]);
  });
});
