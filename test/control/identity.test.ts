import assert from "node:assert/strict";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import {
  beginRotation,
  createIdentity,
  endRotation,
  type Identity,
  parseIdentity,
  pinBalancer,
  REPORTER_REMARK,
} from "../../src/control/keys/identity.ts";
import { fingerprintOf, formatKeyBytes, parseKeyBytes } from "../../src/control/keys/public-key.ts";
import { generateKeyPair, privateKeyBytes } from "../../src/control/protocol/x25519.ts";
import fc from "../support/draws.ts";
import { removeFolders, temporaryFolder } from "../support/folder.ts";

after(removeFolders);

const read = (path: string): Identity => parseIdentity(readFileSync(path, "utf8"), path);
const PRIVATE = formatKeyBytes(privateKeyBytes(generateKeyPair()));
const PUBLIC = formatKeyBytes(generateKeyPair().publicKey);

async function newIdentity(): Promise<string> {
  const path = join(temporaryFolder("identity"), "folder", "identity");
  await createIdentity(path, REPORTER_REMARK);
  return path;
}

describe("an identity", () => {
  it("is made once, in a folder and a file of its owner's alone", async () => {
    const path = await newIdentity();
    const first = read(path);
    assert.deepEqual(first.balancers, []);
    assert.equal(first.next, null);
    await createIdentity(path, REPORTER_REMARK);
    assert.deepEqual(read(path).keyPair.publicKey, first.keyPair.publicKey);
    if (process.platform === "win32") return;
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.equal(statSync(join(path, "..")).mode & 0o777, 0o700);
  });

  it("that several make at the same time is one", async () => {
    const path = join(temporaryFolder("identity"), "identity");
    await Promise.all(Array.from({ length: 8 }, () => createIdentity(path, REPORTER_REMARK)));
    assert.equal(readFileSync(path, "utf8").match(/^private /gm)?.length, 1);
  });

  it("knows a balancer by its place, once, and leaves what people have written alone", async () => {
    const path = await newIdentity();
    writeFileSync(path, `${readFileSync(path, "utf8")}\n# mine\n`);
    const balancer = { host: "balance.mydomain", port: 1666, name: "web", publicKey: generateKeyPair().publicKey };
    const other = { ...balancer, host: "2001:db8::1" };
    const newer = { ...balancer, host: "Balance.MyDomain", name: "web-2", publicKey: generateKeyPair().publicKey };
    await pinBalancer(path, balancer);
    await pinBalancer(path, other);
    await pinBalancer(path, newer);
    assert.deepEqual(read(path).balancers, [newer, other]);
    assert.match(readFileSync(path, "utf8"), /\n\n# mine\nbalancer Balance\.MyDomain:1666 /);
  });

  it("has two keys while it is exchanged, and the new one alone afterwards", async () => {
    const path = await newIdentity();
    const { keyPair: former } = read(path);
    await beginRotation(path);
    const between = read(path);
    assert.deepEqual(between.keyPair.publicKey, former.publicKey);
    assert.ok(between.next);
    await beginRotation(path);
    assert.deepEqual(read(path).next?.publicKey, between.next.publicKey, "one that was begun goes on");
    await endRotation(path);
    const after = read(path);
    assert.deepEqual(after.keyPair.publicKey, between.next.publicKey);
    assert.equal(after.next, null);
    await endRotation(path);
    assert.deepEqual(read(path).keyPair.publicKey, after.keyPair.publicKey);
  });

  for (const [what, lines, problem] of [
    ["no private key", ["# nothing"], /holds no line private KEY/],
    ["two private keys", [`private ${PRIVATE}`, `private ${PRIVATE}`], /f:2: only private KEY/],
    ["a private key that was cut off", [`private ${PRIVATE.slice(1)}`], /f:1: the private key is not 32 bytes/],
    ["another word", [`private ${PRIVATE}`, "secret abc"], /f:2: only private KEY/],
    ["a balancer without a port", [`private ${PRIVATE}`, `balancer host ${PUBLIC} web`], /f:2: a balancer's line is/],
    ["a balancer without a name", [`private ${PRIVATE}`, `balancer host:1 ${PUBLIC}`], /f:2: a balancer's line is/],
    ["a balancer with a broken key", [`private ${PRIVATE}`, "balancer host:1 abc web"], /f:2: a balancer's line is/],
    [
      "a balancer twice",
      [`private ${PRIVATE}`, `balancer h:1 ${PUBLIC} a`, `balancer h:1 ${PUBLIC} b`],
      /f:3: a second line for the balancer h:1/,
    ],
  ] as const) {
    it(`with ${what} is refused by file and line, without being shown`, () => {
      assert.throws(
        () => parseIdentity(lines.join("\n"), "f"),
        (error) => problem.test(String(error)) && !String(error).includes(PRIVATE.slice(1)),
      );
    });
  }

  it("that cannot be read is not written to", async () => {
    const path = await newIdentity();
    writeFileSync(path, "broken\n");
    await assert.rejects(beginRotation(path), /:1: only private KEY/);
    await assert.rejects(pinBalancer(path, { host: "h", port: 1, name: "n", publicKey: generateKeyPair().publicKey }));
    assert.equal(readFileSync(path, "utf8"), "broken\n");
    assert.ok(!existsSync(`${path}.lock`));
  });
});

describe("a public key as text", () => {
  it("is 43 characters that stand for these bytes alone", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (bytes) => {
        const text = formatKeyBytes(bytes);
        assert.deepEqual(parseKeyBytes(text), bytes);
        assert.equal(parseKeyBytes(`${text}A`), null);
        assert.equal(parseKeyBytes(text.slice(1)), null);
        const other = text.slice(0, -1) + String.fromCharCode(text.charCodeAt(42) + 1);
        assert.notDeepEqual(parseKeyBytes(other), bytes);
        assert.match(fingerprintOf(bytes), /^[A-Za-z0-9_-]{16}$/);
      }),
    );
  });
});
