import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { describe, it } from "node:test";
import { CipherState, TAG_BYTES } from "../../src/control/protocol/cipher-state.ts";
import { type HandshakeOptions, HandshakeState, type Pattern } from "../../src/control/protocol/noise.ts";
import { NoiseError } from "../../src/control/protocol/noise-error.ts";
import { agree, generateKeyPair, type KeyPair, keyPairOf, privateKeyBytes } from "../../src/control/protocol/x25519.ts";
import fc from "../support/draws.ts";
import { KEYS, PAYLOADS, VECTORS } from "./noise-vectors.ts";

const bytes = (hex: string) => Buffer.from(hex, "hex");
const fixedKeys = new Map<string, KeyPair>(
  Object.values(KEYS).flatMap((hex) => (hex.length === 64 ? [[hex, keyPairOf(bytes(hex))]] : [])),
);
const fixed = (hex: string) => fixedKeys.get(hex)!;
const PATTERNS = VECTORS.map(({ pattern }) => pattern);
const WITH_PSK: readonly Pattern[] = ["NNpsk0", "IKpsk1"];
const WITH_STATIC: readonly Pattern[] = ["IK", "IKpsk1"];

/** Both sides as the vectors have them; `change` spoils one of the responder's. */
function pair(pattern: Pattern, change: Partial<HandshakeOptions> = {}) {
  const common = {
    pattern,
    prologue: bytes(KEYS.prologue),
    ...(WITH_PSK.includes(pattern) ? { psk: bytes(KEYS.psk) } : {}),
  };
  const hasStatic = WITH_STATIC.includes(pattern);
  return {
    initiator: new HandshakeState({
      ...common,
      role: "initiator",
      e: fixed(KEYS.initiatorEphemeral),
      ...(hasStatic ? { s: fixed(KEYS.initiator), rs: bytes(KEYS.responderPublic) } : {}),
    }),
    responder: new HandshakeState({
      ...common,
      role: "responder",
      e: fixed(KEYS.responderEphemeral),
      ...(hasStatic ? { s: fixed(KEYS.responder) } : {}),
      ...change,
    }),
  };
}

const payload = (turn: number) => bytes(PAYLOADS[turn]!);

/** A handshake to its end, with the payloads of the vectors. */
function shake(pattern: Pattern) {
  const { initiator, responder } = pair(pattern);
  responder.read(initiator.write(payload(0)));
  initiator.read(responder.write(payload(1)));
  return { initiator: initiator.split(), responder: responder.split() };
}

for (const { pattern, hash, sealed } of VECTORS) {
  describe(`Noise_${pattern}_25519_AESGCM_SHA256`, () => {
    it("is what its published vectors say, byte for byte", () => {
      const { initiator, responder } = pair(pattern);
      const first = initiator.write(payload(0));
      assert.equal(first.toString("hex"), sealed[0]);
      assert.deepEqual(responder.read(first), payload(0));
      const second = responder.write(payload(1));
      assert.equal(second.toString("hex"), sealed[1]);
      assert.deepEqual(initiator.read(second), payload(1));
      assert.equal(Buffer.from(initiator.hash).toString("hex"), hash);
      assert.equal(Buffer.from(responder.hash).toString("hex"), hash);
      const sides = [initiator.split(), responder.split()] as const;
      for (let turn = 2; turn < sealed.length; turn++) {
        const [sender, receiver] = turn % 2 === 0 ? sides : [sides[1], sides[0]];
        const line = sender.send.seal(payload(turn));
        assert.equal(line.toString("hex"), sealed[turn]);
        assert.deepEqual(receiver.receive.open(line), payload(turn));
      }
    });

    it("tells each side who the other is, as far as it has told", () => {
      const { initiator, responder } = pair(pattern);
      responder.read(initiator.write(payload(0)));
      const e = fixed(KEYS.initiatorEphemeral).publicKey;
      assert.deepEqual(Uint8Array.from(responder.remoteEphemeral ?? []), e);
      const known = responder.remoteStatic && Buffer.from(responder.remoteStatic).toString("hex");
      const expected = Buffer.from(fixed(KEYS.initiator).publicKey).toString("hex");
      assert.equal(known, WITH_STATIC.includes(pattern) ? expected : undefined);
    });

    it("fails once any byte of either message was changed, cut off or added", () => {
      const { initiator, responder } = pair(pattern);
      const first = initiator.write(payload(0));
      responder.read(first);
      const second = responder.write(payload(1));
      fc.assert(
        fc.property(fc.boolean(), fc.nat(), fc.integer({ min: 1, max: 255 }), (isFirst, at, flip) => {
          const changed = Buffer.from(isFirst ? first : second);
          const place = at % changed.length;
          changed[place]! ^= flip;
          // X25519 itself ignores the highest bit of a public key; the hash of the handshake does not.
          const fresh = pair(pattern);
          const opened = () => {
            if (isFirst) return fresh.responder.read(changed);
            fresh.initiator.write(payload(0));
            return fresh.initiator.read(changed);
          };
          assert.throws(opened, NoiseError);
        }),
        { numRuns: 150 },
      );
      for (let length = 0; length < first.length; length++) {
        assert.throws(() => pair(pattern).responder.read(first.subarray(0, length)), NoiseError, `${length}`);
      }
      assert.throws(() => pair(pattern).responder.read(Buffer.concat([first, Buffer.alloc(1)])), NoiseError);
    });

    it("fails where the two do not agree on the prologue", () => {
      const { initiator, responder } = pair(pattern, { prologue: bytes("00") });
      assert.throws(() => responder.read(initiator.write(payload(0))), NoiseError);
    });

    it("takes no garbage", () => {
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 300 }), (garbage) => {
          assert.throws(() => pair(pattern).responder.read(garbage), NoiseError);
        }),
      );
    });

    it("refuses an ephemeral key of small order, with which everybody would agree", () => {
      const { responder } = pair(pattern);
      const spoilt = { privateKey: fixed(KEYS.initiatorEphemeral).privateKey, publicKey: new Uint8Array(32) };
      const isStatic = WITH_STATIC.includes(pattern);
      const hostile = new HandshakeState({
        pattern,
        role: "initiator",
        prologue: bytes(KEYS.prologue),
        e: spoilt,
        ...(isStatic ? { s: fixed(KEYS.initiator), rs: bytes(KEYS.responderPublic) } : {}),
        ...(WITH_PSK.includes(pattern) ? { psk: bytes(KEYS.psk) } : {}),
      });
      const reaches = () => {
        responder.read(hostile.write(payload(0)));
        responder.write(payload(1));
      };
      assert.throws(reaches, NoiseError);
    });

    it("draws another ephemeral key for each handshake", () => {
      const common = { pattern, prologue: new Uint8Array(), psk: randomBytes(32), s: generateKeyPair() };
      const options = { ...common, role: "initiator", rs: generateKeyPair().publicKey } as const;
      const [one, other] = [new HandshakeState(options), new HandshakeState(options)].map((side) =>
        side.write(payload(0)),
      );
      assert.notDeepEqual(one?.subarray(0, 32), other?.subarray(0, 32));
    });
  });
}

describe("handshakes with the wrong key", () => {
  for (const pattern of WITH_PSK) {
    it(`fail for ${pattern} with another psk`, () => {
      const { initiator, responder } = pair(pattern, { psk: randomBytes(32) });
      assert.throws(() => responder.read(initiator.write(payload(0))), NoiseError);
    });
  }

  for (const pattern of WITH_STATIC) {
    it(`fail for ${pattern} with another responder`, () => {
      const { initiator, responder } = pair(pattern, { s: generateKeyPair() });
      assert.throws(() => responder.read(initiator.write(payload(0))), NoiseError);
    });

    it(`fail for ${pattern} where the static key is not accepted, before anything is agreed with it`, () => {
      const { initiator, responder } = pair(pattern);
      const asked: string[] = [];
      const refuses = (key: Uint8Array) => {
        asked.push(Buffer.from(key).toString("hex"));
        return false;
      };
      assert.throws(() => responder.read(initiator.write(payload(0)), refuses), {
        message: "the static key is not accepted",
      });
      assert.deepEqual(asked, [Buffer.from(fixed(KEYS.initiator).publicKey).toString("hex")]);
    });

    it(`need their keys for ${pattern}: without one the program is wrong, not the other side`, () => {
      const options = { pattern, role: "responder", prologue: new Uint8Array() } as const;
      assert.throws(() => new HandshakeState(options), TypeError);
    });
  }
});

describe("what both sides seal after the handshake", () => {
  for (const pattern of PATTERNS) {
    it(`opens in order and on the other side alone (${pattern})`, () => {
      const { initiator, responder } = shake(pattern);
      const lines = [1, 2, 3].map((n) => initiator.send.seal(Buffer.of(n)));
      assert.throws(() => initiator.receive.open(lines[0]!), NoiseError); // reflected
      assert.throws(() => responder.receive.open(lines[1]!), NoiseError); // out of turn
      assert.deepEqual(responder.receive.open(lines[0]!), Buffer.of(1));
      assert.throws(() => responder.receive.open(lines[0]!), NoiseError); // again
      assert.deepEqual(responder.receive.open(lines[1]!), Buffer.of(2));
    });
  }

  it("opens whatever it is, and not once a byte was changed", () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.nat(), fc.integer({ min: 1, max: 255 }), (plain, at, flip) => {
        const key = randomBytes(32);
        const sealed = new CipherState(key).seal(plain);
        assert.equal(sealed.length, plain.length + TAG_BYTES);
        assert.deepEqual(Uint8Array.from(new CipherState(key).open(sealed)), plain);
        sealed[at % sealed.length]! ^= flip;
        assert.throws(() => new CipherState(key).open(sealed), NoiseError);
      }),
    );
  });

  it("covers the associated bytes", () => {
    const key = randomBytes(32);
    const sealed = new CipherState(key).seal(Buffer.of(1), Buffer.of(2));
    assert.throws(() => new CipherState(key).open(sealed, Buffer.of(3)), NoiseError);
  });
});

describe("X25519", () => {
  it("makes the public key that belongs to a private one", () => {
    assert.equal(Buffer.from(fixed(KEYS.responder).publicKey).toString("hex"), KEYS.responderPublic);
  });

  it("keeps a key pair through its bytes", () => {
    const pair = generateKeyPair();
    assert.deepEqual(keyPairOf(privateKeyBytes(pair)).publicKey, pair.publicKey);
    assert.throws(() => keyPairOf(new Uint8Array(31)), RangeError);
  });

  it("refuses the public keys of small order", () => {
    const low = [
      "0000000000000000000000000000000000000000000000000000000000000000",
      "0100000000000000000000000000000000000000000000000000000000000000",
      "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
      "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
      "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
      "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
      "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ];
    for (const each of low) assert.throws(() => agree(generateKeyPair(), bytes(each)), NoiseError, each);
  });
});
