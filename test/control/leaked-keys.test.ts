/**
 * What was recorded, in the hands of somebody who learns every long-term key afterwards: first lines can be read, as the protocol's page says,
 * and nothing else. As far as a test can show it: everything is tried that such a thief can compute.
 */
import assert from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import { describe, it } from "node:test";
import { CipherState } from "../../src/control/protocol/cipher-state.ts";
import { handshakeOf, helloLine, readAnswer, readHello } from "../../src/control/protocol/hello.ts";
import { NoiseError } from "../../src/control/protocol/noise-error.ts";
import { Seal } from "../../src/control/protocol/seal.ts";
import { agree, generateKeyPair, type KeyPair } from "../../src/control/protocol/x25519.ts";
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

/** Noise_IK by hand, as whoever holds the balancer's private key can begin it in the reporter's name. */
class Forgery {
  readonly e = generateKeyPair();
  #hash: Buffer = Buffer.concat([Buffer.from("Noise_IK_25519_AESGCM_SHA256")], 32);
  #chainingKey = this.#hash;
  #cipher: CipherState | null = null;

  constructor() {
    this.#mixHash(Buffer.from("harmony/2\nreporter\n"));
    this.#mixHash(BALANCER.publicKey);
  }

  /** The first message. What the two static keys agree on, either private key tells. */
  begin(payload: object): Buffer {
    this.#mixHash(this.e.publicKey);
    this.#mixKey(agree(this.e, BALANCER.publicKey));
    const s = this.#seal(REPORTER.publicKey);
    this.#mixKey(agree(BALANCER, REPORTER.publicKey));
    return Buffer.concat([this.e.publicKey, s, this.#seal(Buffer.from(JSON.stringify(payload)))]);
  }

  /** The keys after the second message, with this one in the place of the reporter's private key. */
  end(message: Uint8Array, standsIn: KeyPair): Seal {
    const re = message.subarray(0, 32);
    this.#mixHash(re);
    this.#mixKey(agree(this.e, re));
    this.#mixKey(agree(standsIn, re));
    assert.throws(() => this.#cipher?.open(message.subarray(32), this.#hash), NoiseError);
    const [send, receive] = hkdf(this.#chainingKey, Buffer.alloc(0));
    return new Seal({ send: new CipherState(send), receive: new CipherState(receive) });
  }

  #mixHash(data: Uint8Array): void {
    this.#hash = createHash("sha256").update(this.#hash).update(data).digest();
  }

  #mixKey(data: Uint8Array): void {
    const [chainingKey, key] = hkdf(this.#chainingKey, data);
    this.#chainingKey = chainingKey;
    this.#cipher = new CipherState(key);
  }

  #seal(plain: Uint8Array): Buffer {
    const sealed = this.#cipher?.seal(plain, this.#hash) ?? Buffer.alloc(0);
    this.#mixHash(sealed);
    return sealed;
  }
}

function hkdf(chainingKey: Uint8Array, data: Uint8Array): [Buffer, Buffer] {
  const hmac = (key: Uint8Array, ...parts: Uint8Array[]) =>
    createHmac("sha256", key).update(Buffer.concat(parts)).digest();
  const key = hmac(chainingKey, data);
  const first = hmac(key, Buffer.of(1));
  return [first, hmac(key, first, Buffer.of(2))];
}

describe("a thief of the balancer's private key", () => {
  it("can make a first line in a reporter's name, and none after it: the balancer never takes him for that reporter", () => {
    for (const standsIn of ["the balancer's", "his own"]) {
      const door = new Door();
      const forgery = new Forgery();
      const m = forgery.begin(door.payload()).toString("base64");
      const judgement = door.judge(JSON.stringify({ t: "hello", v: 2, as: "reporter", m }));
      assert.ok("proved" in judgement, "message 1 of IK is open to key compromise impersonation");
      const { line, seal } = judgement.proved.answer({ t: "welcome" });
      const stolen = forgery.end(
        readAnswer(Buffer.from(line)) as Uint8Array,
        standsIn === "his own" ? forgery.e : BALANCER,
      );
      assert.throws(() => seal.open(Buffer.from(stolen.seal({ t: "leave", n: 1 }))), { code: "BAD_SEAL" });
    }
  });
});

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
