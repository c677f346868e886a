import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { INSECURE_KEY } from "../../src/control/keys/key.ts";
import { readFromBalancer, readFromReporter } from "../../src/control/protocol/messages.ts";
import { proofLine, provesKey, readChallenge, readHello, Seal } from "../../src/control/protocol/wire.ts";

const readme = readFileSync(join(import.meta.dirname, "../../src/control/protocol/README.md"), "utf8");
const secret = "correct horse battery staple";
const example = /<!-- example -->\n```\n(.*?)```/s.exec(readme)?.[1]?.trim().split("\n") ?? [];
const lines = example.map((line) => ({
  from: line.slice(0, 8),
  bytes: Buffer.from(line.slice(9)),
  text: line.slice(9),
}));

describe("the worked example of the wire format", () => {
  const [hello, challenge, proof, ...sealed] = lines;
  assert.ok(hello && challenge && proof);
  const transcript = { hello: hello.bytes, challenge: challenge.bytes };

  it("is what the code says and accepts, byte for byte", () => {
    assert.equal(readHello(hello.bytes).key, "web");
    readChallenge(challenge.bytes);
    assert.equal(proofLine(secret, transcript), proof.text);
    assert.ok(provesKey(proof.bytes, secret, transcript));
    const sides = {
      reporter: new Seal("reporter", secret, transcript),
      balancer: new Seal("balancer", secret, transcript),
    };
    for (const { from, bytes, text } of sealed) {
      const [sender, receiver, read] =
        from === "reporter"
          ? ([sides.reporter, sides.balancer, readFromReporter] as const)
          : ([sides.balancer, sides.reporter, readFromBalancer] as const);
      const body = receiver.open(bytes);
      assert.deepEqual(read(body), body);
      assert.equal(sender.seal(body), text);
    }
    assert.equal(sealed.length, 5);
  });

  it("follows from the text alone", () => {
    const hmac = (key: string | Buffer, text: string) => createHmac("sha256", key).update(text).digest();
    const TRANSCRIPT = `\n${hello.text}\n${challenge.text}\n`;
    assert.equal(JSON.parse(proof.text).proof, hmac(secret, `harmony/1 reporter${TRANSCRIPT}`).toString("hex"));
    const report = JSON.parse(sealed[1]?.text ?? "");
    const key = hmac(secret, `harmony/1 seal reporter${TRANSCRIPT}`);
    assert.equal(report.m, hmac(key, `${report.s}\n${report.b}`).toString("hex"));
  });

  it("names the insecure key as it is", () => {
    assert.ok(readme.replaceAll("\n", " ").includes(`\`${INSECURE_KEY.secret}\``));
  });
});
