/** Which of its keys a reporter comes with. */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, describe, it } from "node:test";
import { type CredentialSettings, readIdentity, reporterCredentials } from "../../src/app/credentials.ts";
import { createIdentity, pinBalancer, REPORTER_REMARK } from "../../src/control/keys/identity.ts";
import { hostEnvironment } from "../../src/control/keys/key-places.ts";
import { removeFolders, temporaryFolder } from "../support/folder.ts";

after(removeFolders);

const SECRET = "0123456789abcdef";
const BALANCER = { host: "balance.mydomain", port: 1666 };
const PINNED = { ...BALANCER, name: "web", publicKey: new Uint8Array(32).fill(7) };
const posix = process.platform === "win32" ? { skip: "the places are others on Windows" } : {};

function newUser() {
  const home = temporaryFolder("credentials");
  const environment = { ...hostEnvironment(), env: {}, home, etc: join(home, "etc"), state: join(home, "state") };
  const folder = join(home, ".config", "harmony");
  mkdirSync(folder, { recursive: true });
  const find = (settings: CredentialSettings = {}, balancer = BALANCER) =>
    reporterCredentials(settings, environment)(balancer);
  const share = (path: string) => {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, `shared:${SECRET}\n`, { mode: 0o600 });
  };
  return { folder, find, share, identity: join(folder, "reporter-identity") };
}

describe("a reporter", posix, () => {
  it("comes with the key that it was given, else with its own where it has joined, else with one that lies about", async () => {
    const { folder, find, share, identity } = newUser();
    share(join(folder, "key"));
    const idOf = (settings: CredentialSettings) => (find(settings) as { id?: string }).id;
    assert.equal(idOf({}), "shared");
    await createIdentity(identity, REPORTER_REMARK);
    assert.equal(idOf({}), "shared", "it has joined nobody");
    await pinBalancer(identity, PINNED);
    const { keyPair } = readIdentity(identity)!;
    const own = find();
    assert.ok("balancer" in own && !("invitation" in own));
    assert.deepEqual([own.name, own.balancer, own.keyPair.publicKey], ["web", PINNED.publicKey, keyPair.publicKey]);
    assert.ok("balancer" in find({}, { host: "BALANCE.mydomain", port: 1666 }));
    assert.equal((find({}, { ...BALANCER, port: 1667 }) as { id?: string }).id, "shared");
    assert.equal(idOf({ key: `given:${SECRET}` }), "given");
    assert.equal(idOf({ keyFile: join(folder, "key") }), "shared");
    assert.equal(idOf({ insecure: true }), "insecure");
    assert.equal(idOf({ identity: join(folder, "none") }), "shared");
  });

  it("without any says what to do, and which balancers it knows", async () => {
    const { find, identity } = newUser();
    const refusal = (balancer = BALANCER) => {
      try {
        find({}, balancer);
      } catch (error) {
        return error as { code: string; retry: boolean; message: string };
      }
      return assert.fail("it was not refused");
    };
    const { code, retry, message } = refusal();
    assert.deepEqual([code, retry], ["NO_KEY", true]);
    assert.match(
      message,
      /has not joined balance\.mydomain:1666 \(there is nothing of it in .*reporter-identity\): run harmony-reporter join/,
    );
    await createIdentity(identity, REPORTER_REMARK);
    await pinBalancer(identity, PINNED);
    assert.match(
      refusal({ host: "10.0.0.1", port: 1666 }).message,
      /reporter-identity knows balance\.mydomain:1666 alone/,
    );
    writeFileSync(identity, "broken\n");
    assert.throws(() => find(), /reporter-identity:1: only private KEY/);
  });
});
