import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { handshakeOf, pskOfSecret } from "../../src/control/protocol/hello.ts";
import { Seal } from "../../src/control/protocol/seal.ts";
import fc from "../support/draws.ts";

const bytes = (line: string) => Buffer.from(line);
const fails = (code: string) => (error: unknown) => (error as { code?: string }).code === code;

/** Both ends of a session of its own. */
function pair() {
  const claim = { as: "key", id: "web" } as const;
  const psk = pskOfSecret("correct horse battery staple");
  const reporter = handshakeOf(claim, "initiator", { psk });
  const balancer = handshakeOf(claim, "responder", { psk });
  balancer.read(reporter.write(bytes("")));
  reporter.read(balancer.write(bytes("")));
  return { reporter: new Seal(reporter.split()), balancer: new Seal(balancer.split()) };
}

describe("sealed lines", () => {
  it("open in order, whatever they say", () => {
    const body = fc.record({ t: fc.string({ unit: "binary" }), n: fc.double({ noNaN: true }) });
    const { reporter, balancer } = pair();
    fc.assert(
      fc.property(body, (said) => {
        assert.equal(JSON.stringify(balancer.open(bytes(reporter.seal(said)))), JSON.stringify(said));
        assert.equal(JSON.stringify(reporter.open(bytes(balancer.seal(said)))), JSON.stringify(said));
      }),
    );
  });

  it("do not open once any byte was changed, cut off or added", () => {
    const { reporter, balancer } = pair();
    const line = bytes(reporter.seal({ t: "report", pool: "default" }));
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const changed = Buffer.from(line);
        changed[at % line.length]! ^= flip;
        assert.throws(
          () => balancer.open(changed),
          (error) => fails("NOT_SEALED")(error) || fails("BAD_SEAL")(error),
        );
      }),
    );
    for (let length = 0; length < line.length; length++) {
      assert.throws(() => balancer.open(line.subarray(0, length)), `${length}`);
    }
    assert.throws(() => balancer.open(bytes(`${line}AAAA`)));
    assert.throws(() => balancer.open(bytes(`${line} `)), fails("NOT_SEALED"));
    assert.deepEqual(balancer.open(line), { t: "report", pool: "default" });
  });

  it("do not open twice, out of order, or after a gap", () => {
    const { reporter, balancer } = pair();
    const lines = [1, 2, 3].map((n) => bytes(reporter.seal({ n })));
    assert.deepEqual(balancer.open(lines[0]!), { n: 1 });
    assert.throws(() => balancer.open(lines[0]!), fails("BAD_SEAL"));
    assert.throws(() => balancer.open(lines[2]!), fails("BAD_SEAL"));
    assert.deepEqual(balancer.open(lines[1]!), { n: 2 });
  });

  it("do not open where they came from, nor in another session with the same key", () => {
    const { reporter, balancer } = pair();
    const line = bytes(reporter.seal({ t: "leave" }));
    assert.throws(() => reporter.open(line), fails("BAD_SEAL"));
    assert.throws(() => pair().balancer.open(line), fails("BAD_SEAL"));
    assert.deepEqual(balancer.open(line), { t: "leave" });
  });

  it("say nothing to who has no key, not even twice the same", () => {
    const { reporter } = pair();
    const secretive = { t: "report", advertise: "10.20.30.40" };
    const lines = [reporter.seal(secretive), reporter.seal(secretive)];
    for (const line of lines) assert.ok(!Buffer.from(line, "base64").includes("10.20"));
    assert.notEqual(lines[0], lines[1]);
  });

  it("are demanded: anything unsealed is refused, and what is sealed must be an object", () => {
    const { reporter, balancer } = pair();
    for (const line of ['{"t":"leave"}', "[]", "AB==", "A", "\u00e9"]) {
      assert.throws(() => balancer.open(bytes(line)), fails("NOT_SEALED"), line);
    }
    assert.throws(() => balancer.open(bytes("")), fails("BAD_SEAL"));
    for (const body of [[], "text", 1]) {
      assert.throws(() => balancer.open(bytes(reporter.seal(body as object))), fails("NOT_JSON"));
    }
  });
});
