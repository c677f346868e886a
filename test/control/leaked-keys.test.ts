/**
 * What was recorded, in the hands of somebody who learns every long-term key afterwards: first lines can be read, as the protocol's page says,
 * and nothing else. As far as a test can show it: everything is tried that such a thief can compute.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { handshakeOf, helloLine, readAnswer, readHello } from "../../src/control/protocol/hello.ts";
import { NoiseError } from "../../src/control/protocol/noise-error.ts";
import { Seal } from "../../src/control/protocol/seal.ts";
import { generateKeyPair, type KeyPair } from "../../src/control/protocol/x25519.ts";
import { BALANCER, Door, KINDS, REPORTER } from "./hello.ts";

/** The thief knows this public key and has no private one to it but those that have leaked. */
const standIn = (publicKey: Uint8Array, { privateKey }: KeyPair): KeyPair => ({ privateKey, publicKey });

for (const kind of KINDS) {
  const { claim, keys } = kind;
  describe(`of a session of a ${claim.as}, whose keys have all leaked,`, () => {
    const door = new Door();
    const { line, judgement, finish } = door.meet(kind, { software: "harmony-reporter 2" });
    assert.ok("proved" in judgement);
    const answer = judgement.proved.answer({ t: "welcome", name: "secretive" });
    const reporter = finish(answer.line);
    const sealed = Buffer.from(reporter.seal.seal({ t: "report", n: 1 }));
    const statics = claim.as === "key" ? {} : { s: BALANCER };
    const psk = keys.psk === undefined ? {} : { psk: keys.psk };
    const leaked = [BALANCER, REPORTER, generateKeyPair()];
    const recorded = {
      hello: readHello(Buffer.from(line)).message,
      answer: readAnswer(Buffer.from(answer.line)) as Uint8Array,
    };
    const ephemeral = { reporter: recorded.hello.subarray(0, 32), balancer: recorded.answer.subarray(0, 32) };

    it("the first line can be read", () => {
      const thief = handshakeOf(claim, "responder", { ...psk, ...statics });
      assert.match(thief.read(recorded.hello).toString(), /harmony-reporter 2/);
    });

    it("the second line and those that follow cannot, with what leaked in the place of either ephemeral key", () => {
      for (const key of leaked) {
        const asReporter = handshakeOf(claim, "initiator", { ...keys, e: standIn(ephemeral.reporter, key) });
        asReporter.write(Buffer.from(JSON.stringify(door.payload())));
        assert.throws(() => asReporter.read(recorded.answer), NoiseError);
        assert.throws(() => new Seal(asReporter.split()).open(Buffer.from(answer.seal.seal({}))));

        const asBalancer = handshakeOf(claim, "responder", { ...psk, ...statics, e: standIn(ephemeral.balancer, key) });
        asBalancer.read(recorded.hello);
        const forged = asBalancer.write(Buffer.from(JSON.stringify({ t: "welcome", name: "secretive" })));
        assert.deepEqual(forged.subarray(0, 32), Buffer.from(ephemeral.balancer), "the same in all but what is secret");
        assert.notDeepEqual(forged, Buffer.from(recorded.answer));
        assert.throws(() => new Seal(asBalancer.split()).open(sealed), { code: "BAD_SEAL" });
      }
    });

    it("the balancer itself still opens them", () => {
      assert.deepEqual(answer.seal.open(sealed), { t: "report", n: 1 });
    });
  });
}

describe("own keys", () => {
  it("that leak from a reporter do not make anybody the balancer", () => {
    const claim = { as: "reporter" } as const;
    const reporter = handshakeOf(claim, "initiator", { s: REPORTER, rs: BALANCER.publicKey });
    const message = readHello(Buffer.from(helloLine(claim, reporter, new Door().payload()))).message;
    const posing = handshakeOf(claim, "responder", { s: standIn(BALANCER.publicKey, REPORTER) });
    assert.throws(() => posing.read(message), NoiseError);
    const real = handshakeOf(claim, "responder", { s: BALANCER });
    real.read(message);
    reporter.read(real.write(Buffer.from("{}")));
  });
});
