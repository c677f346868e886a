import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { spell } from "../../src/config/names.ts";
import { poolOptions } from "../../src/config/pool-options.ts";
import { readFromBalancer, readFromReporter, readWelcome } from "../../src/control/protocol/messages.ts";

const fails = (code: string) => (error: unknown) => (error as { code?: string }).code === code;

describe("bodies", () => {
  const report = {
    t: "report",
    n: 1,
    ref: 0,
    made: 0,
    pool: "default",
    port: 80,
    weight: 500,
    health: "up",
    drain: false,
  };

  it("may carry fields that only later versions know", () => {
    assert.deepEqual(readFromReporter({ ...report, colour: "blue" }), report);
  });

  for (const [field, value] of [
    ["n", -1],
    ["n", undefined],
    ["n", 1.5],
    ["ref", 1_000],
    ["made", undefined],
    ["made", -1],
    ["port", 0],
    ["port", 65_536],
    ["port", "80"],
    ["port", 80.5],
    ["weight", -1],
    ["weight", 1_000_001],
    ["weight", null],
    ["health", "maybe"],
    ["reason", 5],
    ["reason", "x".repeat(201)],
    ["drain", 1],
    ["pool", ""],
    ["pool", "a b"],
    ["id", "10.0.0.1:80"],
    ["id", "x".repeat(129)],
    ["advertise", "evil\nhost"],
    ["maxConnections", -1],
    ["maxConnections", 2 ** 31],
    ["credits", -1],
    ["credits", 2 ** 31],
    ["elsewhere", 0.5],
    ["elsewhere", "3"],
    ["priority", -1],
    ["priority", 256],
    ["sendProxy", "pool"],
    ["sendProxy", 2],
    ["listen", 0],
    ["listen", 65_536],
    ["listen", "5000"],
    ["options", ["algorithm"]],
    ["options", null],
  ] as const) {
    it(`name the field when ${field} is ${`${JSON.stringify(value)}`.slice(0, 20)}`, () => {
      assert.throws(
        () => readFromReporter({ ...report, [field]: value }),
        (error) => fails("BAD_MESSAGE")(error) && (error as Error).message.includes(`"${field}"`),
      );
    });
  }

  it("carry options by their names in the file, as text, of which there are few, and short ones", () => {
    const options = { algorithm: "random", "max-bindings": "1000", queue: "" };
    assert.deepEqual(readFromReporter({ ...report, listen: 5000, options }), { ...report, listen: 5000, options });
    const many = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, i) => [`${i < 33 ? "a" : "c"}${"b".repeat(i % 33)}`, ""]));
    readFromReporter({ ...report, options: many(64) });
    const all = Object.keys(poolOptions).map((name) => [spell(name, "file"), "10000"]);
    readFromReporter({ ...report, options: Object.fromEntries(all) });
    for (const wrong of [
      many(65),
      Object.fromEntries(Object.keys(many(21)).map((name) => [name, "x".repeat(200)])),
      { algorithm: 5 },
      { algorithm: "x".repeat(201) },
      { algorithm: "two\nlines" },
      { algorithm: "\u202e" },
      { Algorithm: "" },
      { "": "" },
      { [`a${"b".repeat(40)}`]: "" },
    ]) {
      assert.throws(() => readFromReporter({ ...report, options: wrong }), fails("BAD_MESSAGE"), JSON.stringify(wrong));
    }
  });

  it("carry no option that would be the prototype of the others", () => {
    const body = JSON.parse('{"listen":5000,"options":{"__proto__":"random","queue":"5"}}');
    assert.deepEqual(readFromReporter({ ...report, ...body }), { ...report, listen: 5000, options: { queue: "5" } });
  });

  const long = (length: number) => "x".repeat(length);
  const ends = { local: "10.0.0.1:1", remote: "[::1]:2" };
  const welcome = { t: "welcome", lease: 1, interval: 1, name: "", version: "", ...ends };
  const reject = { t: "reject", n: 0, at: 0, code: "C", reason: "", retry: false };
  for (const [field, bounds, body, read] of [
    ["id", [1, 128], report, readFromReporter],
    ["advertise", [1, 253], report, readFromReporter],
    ["pool", [1, 64], report, readFromReporter],
    ["name", [0, 100], welcome, readWelcome],
    ["version", [0, 100], welcome, readWelcome],
    ["target", [0, 300], { t: "ok", n: 0, at: 0, target: "", active: 0 }, readFromBalancer],
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
      ["listen", 1, 65_535],
      ["weight", 0, 1_000_000],
      ["maxConnections", 0, 2 ** 31 - 1],
      ["priority", 0, 255],
    ] as const) {
      for (const value of [least, most]) readFromReporter({ ...report, [field]: value });
      for (const value of [least - 1, most + 1]) {
        assert.throws(() => readFromReporter({ ...report, [field]: value }), fails("BAD_MESSAGE"), field);
      }
    }
    for (const field of ["lease", "interval"]) {
      assert.throws(() => readWelcome({ ...welcome, [field]: 0 }), fails("BAD_MESSAGE"), field);
    }
    readFromBalancer({ t: "ok", n: 1, at: 2, target: "a", active: 0, listen: 65_535 });
    assert.throws(() => readFromBalancer({ t: "ok", n: 1, at: 2, listen: 0 }), fails("BAD_MESSAGE"));
    assert.throws(() => readFromBalancer({ t: "ok", n: 1, at: 2, target: "a", active: -1 }), fails("BAD_MESSAGE"));
  });

  it("may leave out which of a session's targets they are about", () => {
    const { ref: _, ...one } = report;
    assert.deepEqual(readFromReporter(one), report);
    assert.deepEqual(readFromReporter({ t: "leave", n: 7 }), { t: "leave", n: 7, ref: 0 });
  });

  it("are refused in words that say what was expected", () => {
    const message = 'a message was refused: "port": Too small: expected number to be >=1';
    assert.throws(() => readFromReporter({ ...report, port: 0 }), { message });
  });

  it("of an unknown kind are refused", () => {
    assert.throws(() => readFromReporter({ t: "CLOSE", id: 7 }), fails("BAD_MESSAGE"));
    assert.throws(() => readFromReporter({}), fails("BAD_MESSAGE"));
    assert.throws(() => readFromBalancer({ t: "report" }), fails("BAD_MESSAGE"));
    assert.throws(() => readFromBalancer(welcome), fails("BAD_MESSAGE"), "a welcome comes once");
    assert.throws(() => readWelcome({ t: "ok", n: 1, at: 0 }), fails("BAD_MESSAGE"));
  });
});
