/** That the worked examples of the protocol's page are what the code says and reads, byte for byte. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { INSECURE_KEY } from "../../src/control/keys/key.ts";
import {
  answerLine,
  type Claim,
  type HandshakeKeys,
  handshakeOf,
  helloLine,
  pskOfInvitation,
  pskOfSecret,
  readAnswer,
  readHello,
  readHelloPayload,
} from "../../src/control/protocol/hello.ts";
import { readFromBalancer, readFromReporter, readWelcome } from "../../src/control/protocol/messages.ts";
import { Seal } from "../../src/control/protocol/seal.ts";
import { keyPairOf } from "../../src/control/protocol/x25519.ts";

const readme = readFileSync(join(import.meta.dirname, "../../src/control/protocol/README.md"), "utf8");
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

/** The fields of an example's block: `WORDS: VALUE`, of which some come several times. */
function example(name: string) {
  const block = new RegExp(`<!-- example ${name} -->\\n\`\`\`\\n(.*?)\`\`\``, "s").exec(readme)?.[1] ?? "";
  const fields = block
    .trim()
    .split("\n")
    .map((line) => /^([^:]+): (.*)$/.exec(line)?.slice(1) as [string, string]);
  const all = (field: string) => fields.filter(([each]) => each === field).map(([, value]) => value);
  const one = (field: string) => {
    const [value, ...more] = all(field);
    assert.ok(value !== undefined && more.length === 0, `${name}: ${field}`);
    return value;
  };
  const key = (field: string) => keyPairOf(Buffer.from(one(field), "hex"));
  return { fields, one, key };
}

const EXAMPLES: Record<string, (given: ReturnType<typeof example>) => { claim: Claim; psk?: Uint8Array }> = {
  key: ({ one }) => ({ claim: { as: "key", id: "web" }, psk: pskOfSecret(one("secret")) }),
  reporter: () => ({ claim: { as: "reporter" } }),
  join: ({ one }) => ({
    claim: { as: "join", id: one("invitation id") },
    psk: pskOfInvitation(Buffer.from(one("invitation secret"), "hex")),
  }),
};

for (const [name, given] of Object.entries(EXAMPLES)) {
  it(`the example of a hello as a ${name} is what both sides say and read`, () => {
    const { fields, one, key } = example(name);
    const { claim, psk } = given({ fields, one, key });
    const shared: HandshakeKeys = psk ? { psk } : {};
    if (psk) assert.equal(one("psk"), hex(psk));
    const isOwn = name !== "key";
    const statics = isOwn ? { reporter: key("reporter's private key"), balancer: key("balancer's private key") } : null;
    if (statics) {
      assert.equal(one("reporter's public key"), hex(statics.reporter.publicKey));
      assert.equal(one("balancer's public key"), hex(statics.balancer.publicKey));
    }
    const reporter = handshakeOf(claim, "initiator", {
      ...shared,
      ...(statics ? { s: statics.reporter, rs: statics.balancer.publicKey } : {}),
      e: key("reporter's ephemeral private key"),
    });
    const balancer = handshakeOf(claim, "responder", {
      ...shared,
      ...(statics ? { s: statics.balancer } : {}),
      e: key("balancer's ephemeral private key"),
    });

    const hello = JSON.parse(one("payload 1"));
    const line = helloLine(claim, reporter, hello);
    assert.equal(line, one("line 1"));
    const read = readHello(Buffer.from(line));
    assert.deepEqual(read.claim, claim);
    assert.deepEqual(readHelloPayload(balancer.read(read.message)), hello);
    if (statics) assert.equal(hex(balancer.remoteStatic ?? new Uint8Array()), hex(statics.reporter.publicKey));

    const welcome = JSON.parse(one("payload 2"));
    const answer = answerLine(balancer, welcome);
    assert.equal(answer, one("line 2"));
    const message = readAnswer(Buffer.from(answer));
    assert.ok(message instanceof Uint8Array);
    assert.deepEqual(readWelcome(JSON.parse(reporter.read(message).toString())), welcome);
    assert.equal(one("hash"), hex(reporter.hash));
    assert.equal(one("hash"), hex(balancer.hash));

    const sides = { reporter: new Seal(reporter.split()), balancer: new Seal(balancer.split()) };
    const sealed = fields.slice(fields.findIndex(([field]) => field === "hash") + 1);
    assert.ok(sealed.length >= 4);
    for (let at = 0; at < sealed.length; at += 2) {
      const [[who, text], [as, sent]] = [sealed[at]!, sealed[at + 1]!];
      assert.equal(as, "sealed");
      const isReporter = who === "reporter says";
      const [sender, receiver] = isReporter ? [sides.reporter, sides.balancer] : [sides.balancer, sides.reporter];
      const body = JSON.parse(text);
      assert.equal(sender.seal(body), sent);
      const opened = receiver.open(Buffer.from(sent));
      assert.deepEqual(opened, body);
      const validated = isReporter ? readFromReporter(opened) : readFromBalancer(opened);
      assert.deepEqual({ ...validated, ...body }, validated);
    }
  });
}

describe("the protocol's page", () => {
  it("names the insecure key as it is", () => {
    assert.ok(readme.replaceAll("\n", " ").includes(`\`${INSECURE_KEY.secret}\``));
  });
});
