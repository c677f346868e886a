import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { readFromBalancer, readFromReporter } from "../../src/control/protocol/messages.ts";
import {
  challengeLine,
  helloLine,
  NONCE_BYTES,
  proofLine,
  provesKey,
  readChallenge,
  readHello,
  Seal,
} from "../../src/control/protocol/wire.ts";

const SECRET = "correct horse battery staple";
const hello = Buffer.from(helloLine("web", "00".repeat(32), "test/1"));
const challenge = Buffer.from(challengeLine("ff".repeat(32)));
const transcript = { hello, challenge };

const pair = (secret = SECRET) => ({
  reporter: new Seal("reporter", secret, transcript),
  balancer: new Seal("balancer", secret, transcript),
});
const bytes = (line: string) => Buffer.from(line);
const fails = (code: string) => (error: unknown) => (error as { code?: string }).code === code;

describe("proof of the key", () => {
  it("holds for the same secret and the same two lines", () => {
    assert.ok(provesKey(bytes(proofLine(SECRET, transcript)), SECRET, transcript));
  });

  it("fails when the secret or any byte of either line differs", () => {
    const proof = bytes(proofLine(SECRET, transcript));
    assert.ok(!provesKey(proof, `${SECRET}.`, transcript));
    fc.assert(
      fc.property(fc.boolean(), fc.nat(), fc.integer({ min: 1, max: 255 }), (first, at, flip) => {
        const changed = { hello: Buffer.from(hello), challenge: Buffer.from(challenge) };
        const line = first ? changed.hello : changed.challenge;
        line[at % line.length]! ^= flip;
        assert.ok(!provesKey(proof, SECRET, changed));
      }),
    );
  });

  it("is no sealing key, and the directions have different ones", () => {
    const { reporter, balancer } = pair();
    const own = reporter.seal({ t: "leave" });
    assert.throws(() => reporter.open(bytes(own)), fails("BAD_SEAL")); // sent back to where it came from
    assert.deepEqual(balancer.open(bytes(own)), { t: "leave" });
  });

  it("is refused when it is not 32 bytes of hexadecimal", () => {
    for (const proof of ["", "00", "zz".repeat(32), 5, null]) {
      assert.throws(
        () => provesKey(bytes(JSON.stringify({ t: "proof", proof })), SECRET, transcript),
        fails("BAD_MESSAGE"),
      );
    }
  });
});

describe("hello", () => {
  it("brings a nonce of as many bytes as its readers expect", () => {
    const nonce = Buffer.alloc(NONCE_BYTES, 0xa5).toString("hex");
    assert.equal(readHello(bytes(helloLine("web", nonce, "test/1"))).nonce, nonce);
    readChallenge(bytes(challengeLine(nonce)));
  });

  it("reads back", () => {
    assert.deepEqual(readHello(hello), { t: "hello", v: 1, key: "web", nonce: "00".repeat(32), software: "test/1" });
  });

  it("of another version has a code of its own", () => {
    const other = { t: "hello", v: 2, key: "web", nonce: "00".repeat(32), software: "x" };
    assert.throws(() => readHello(bytes(JSON.stringify(other))), fails("BAD_VERSION"));
  });

  it("cannot smuggle control characters into a log", () => {
    assert.equal(readHello(bytes(helloLine("web", "00".repeat(32), "a\n\u001b[2Jb\u202e"))).software, "a??[2Jb?");
  });

  it("is refused with a code, whatever garbage comes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (garbage) => {
        assert.throws(
          () => readHello(garbage),
          (error) => ["NOT_JSON", "BAD_MESSAGE"].includes((error as { code: string }).code),
        );
      }),
    );
    fc.assert(
      fc.property(fc.json(), (json) => {
        assert.throws(
          () => readHello(bytes(json)),
          (error) => ["NOT_JSON", "BAD_MESSAGE"].includes((error as { code: string }).code),
        );
      }),
    );
  });
});

describe("challenge", () => {
  it("is refused unless it brings a nonce of 32 bytes", () => {
    readChallenge(challenge);
    for (const line of ["{}", '{"t":"challenge","nonce":"00"}', challengeLine("zz".repeat(32)), '{"t":"hello"}']) {
      assert.throws(() => readChallenge(bytes(line)), fails("BAD_MESSAGE"), line);
    }
    assert.throws(() => readChallenge(bytes("")), fails("NOT_JSON"));
  });
});

describe("sealed lines", () => {
  it("open in order, whatever they say", () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ t: fc.string({ unit: "binary" }), n: fc.double({ noNaN: true }) })),
        (bodies) => {
          const { reporter, balancer } = pair();
          for (const body of bodies) {
            assert.equal(JSON.stringify(balancer.open(bytes(reporter.seal(body)))), JSON.stringify(body));
          }
        },
      ),
    );
  });

  it("do not open once any byte was changed", () => {
    const line = bytes(pair().reporter.seal({ t: "report", pool: "default" }));
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const changed = Buffer.from(line);
        changed[at % line.length]! ^= flip;
        let body: object;
        try {
          body = pair().balancer.open(changed);
        } catch (error) {
          assert.ok(["NOT_JSON", "NOT_SEALED", "BAD_SEAL", "BAD_SEQUENCE"].includes((error as { code: string }).code));
          return;
        }
        // White space around the JSON and the spelling of an escape are no content.
        assert.deepEqual(body, { t: "report", pool: "default" });
      }),
    );
  });

  it("do not open twice, out of order, or after a gap", () => {
    const { reporter, balancer } = pair();
    const lines = [1, 2, 3].map((n) => bytes(reporter.seal({ n })));
    assert.deepEqual(balancer.open(lines[0]!), { n: 1 });
    assert.throws(() => balancer.open(lines[0]!), fails("BAD_SEQUENCE"));
    assert.throws(() => balancer.open(lines[2]!), fails("BAD_SEQUENCE"));
    assert.throws(() => balancer.open(lines[2]!), {
      message: "line 3 came where 2 was due: replayed, reordered or lost",
    });
    assert.deepEqual(balancer.open(lines[1]!), { n: 2 });
  });

  it("of another session do not open", () => {
    const line = bytes(pair().reporter.seal({ t: "leave" }));
    const other = new Seal("balancer", SECRET, { hello, challenge: Buffer.from(challengeLine("0f".repeat(32))) });
    assert.throws(() => other.open(line), fails("BAD_SEAL"));
    assert.throws(() => pair(`${SECRET}!`).balancer.open(line), fails("BAD_SEAL"));
  });

  it("are demanded: anything unsealed is refused", () => {
    const { balancer } = pair();
    assert.throws(() => balancer.open(bytes('{"t":"leave"}')), fails("NOT_SEALED"));
    assert.throws(() => balancer.open(bytes('{"s":1,"b":"{}","m":"00"}')), fails("NOT_SEALED"));
    assert.throws(() => balancer.open(bytes("[]")), fails("NOT_JSON"));
    assert.throws(() => balancer.open(bytes("")), fails("NOT_JSON"));
    assert.throws(() => balancer.open(Uint8Array.of(0x22, 0xff, 0x22)), fails("NOT_JSON"));
    assert.throws(() => balancer.open(Buffer.from('{"s":"\xff"}', "latin1")), fails("NOT_JSON"));
    assert.throws(() => balancer.open(bytes("[".repeat(8000))), fails("NOT_JSON"));
  });
});

describe("bodies", () => {
  const report = { t: "report", pool: "default", port: 80, weight: 500, health: "up", drain: false };

  it("may carry fields that only later versions know", () => {
    assert.deepEqual(readFromReporter({ ...report, colour: "blue" }), report);
  });

  for (const [field, value] of [
    ["port", 0],
    ["port", 65_536],
    ["port", "80"],
    ["port", 80.5],
    ["weight", -1],
    ["weight", 1_000_001],
    ["weight", null],
    ["health", "maybe"],
    ["drain", 1],
    ["pool", ""],
    ["pool", "a b"],
    ["id", "10.0.0.1:80"],
    ["id", "x".repeat(129)],
    ["advertise", "evil\nhost"],
    ["maxConnections", -1],
    ["maxConnections", 2 ** 31],
  ] as const) {
    it(`name the field when ${field} is ${JSON.stringify(value).slice(0, 20)}`, () => {
      assert.throws(
        () => readFromReporter({ ...report, [field]: value }),
        (error) => fails("BAD_MESSAGE")(error) && (error as Error).message.includes(`"${field}"`),
      );
    });
  }

  const long = (length: number) => "x".repeat(length);
  const welcome = { t: "welcome", lease: 1, interval: 1, name: "", version: "" };
  const reject = { t: "reject", code: "C", reason: "", retry: false };
  for (const [field, bounds, body, read] of [
    ["id", [1, 128], report, readFromReporter],
    ["advertise", [1, 253], report, readFromReporter],
    ["pool", [1, 64], report, readFromReporter],
    ["name", [0, 100], welcome, readFromBalancer],
    ["version", [0, 100], welcome, readFromBalancer],
    ["target", [0, 300], { t: "ok", target: "", active: 0 }, readFromBalancer],
    ["reason", [0, 500], reject, readFromBalancer],
    ["reason", [0, 500], { t: "goodbye", code: "C", reason: "" }, readFromBalancer],
  ] as const) {
    const [shortest, longest] = bounds;
    it(`take ${shortest} to ${longest} characters as the ${field} of a ${body.t}`, () => {
      for (const length of bounds) read({ ...body, [field]: long(length) });
      for (const length of shortest > 0 ? [0, longest + 1] : [longest + 1]) {
        assert.throws(() => read({ ...body, [field]: long(length) }), fails("BAD_MESSAGE"), `${length}`);
      }
    });
  }

  it("take numbers up to their bounds, and no further", () => {
    for (const [field, least, most] of [
      ["port", 1, 65_535],
      ["weight", 0, 1_000_000],
      ["maxConnections", 0, 2 ** 31 - 1],
    ] as const) {
      for (const value of [least, most]) readFromReporter({ ...report, [field]: value });
      for (const value of [least - 1, most + 1]) {
        assert.throws(() => readFromReporter({ ...report, [field]: value }), fails("BAD_MESSAGE"), field);
      }
    }
    for (const field of ["lease", "interval"]) {
      assert.throws(() => readFromBalancer({ ...welcome, [field]: 0 }), fails("BAD_MESSAGE"), field);
    }
    readFromBalancer({ t: "ok", target: "a", active: 0 });
    assert.throws(() => readFromBalancer({ t: "ok", target: "a", active: -1 }), fails("BAD_MESSAGE"));
  });

  it("are refused in words that say what was expected", () => {
    const message = 'a message was refused: "port": Too small: expected number to be >=1';
    assert.throws(() => readFromReporter({ ...report, port: 0 }), { message });
  });

  it("of an unknown kind are refused", () => {
    assert.throws(() => readFromReporter({ t: "CLOSE", id: 7 }), fails("BAD_MESSAGE"));
    assert.throws(() => readFromReporter({}), fails("BAD_MESSAGE"));
    assert.throws(() => readFromBalancer({ t: "report" }), fails("BAD_MESSAGE"));
  });
});
