/** The first line of a connection, as the doorkeeper judges it: nothing but what a holder of a key has made is proved. */
import assert from "node:assert/strict";
import { type HelloPayload, handshakeOf, helloLine, readHello } from "../../../src/control/protocol/hello.ts";
import { parseObject } from "../../../src/control/protocol/schema.ts";
import type { DoorkeeperOptions } from "../../../src/control/server/handshake.ts";
import { Door, KINDS, OWN, SEEN, SHARED } from "../../control/hello.ts";
import fc from "../../support/draws.ts";
import { assertRefusal, type Corpus, corpus } from "../corpus.ts";
import { bytesOf, mutation, otherFields } from "../mutations.ts";

const CODES = ["NOT_JSON", "BAD_MESSAGE", "BAD_VERSION", "BAD_KEY", "BAD_INVITATION", "CLOCK", "REPLAYED"];
/** Public keys of small order (RFC 7748, section 7, and the twist's): what they agree on is zeros, whatever the other key. */
const SMALL_ORDER = [
  "00".repeat(32),
  `01${"00".repeat(31)}`,
  "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
  "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
  `ec${"ff".repeat(30)}7f`,
  `ed${"ff".repeat(30)}7f`,
  `ee${"ff".repeat(30)}7f`,
  "ff".repeat(32),
].map((hex) => Buffer.from(hex, "hex").toString("latin1"));
const DICTIONARY = [
  '"',
  "\\u006d",
  "=",
  "==",
  "A",
  "+",
  "/",
  "-",
  "_",
  " ",
  "\0",
  "{",
  "}",
  ",",
  '"v":1',
  '"v":2',
  '"as":"key"',
];

/** An operator has given two ids the same secret, as one may. */
const RING: DoorkeeperOptions["keys"] = {
  find: (id) => [SHARED, { ...SHARED, id: "db" }, OWN].find((key) => key.id === id),
  findByPublicKey: (publicKey) => (Buffer.compare(publicKey, OWN.publicKey) === 0 ? OWN : undefined),
  isRevoked: () => false,
};

const kind = fc.constantFrom(...KINDS);
/** What is changed: the bytes of the line, the fields of its object, the bytes of its message, or what its payload says. */
const change = fc.oneof(
  mutation(DICTIONARY).map((line) => ({ line })),
  fc
    .tuple(fc.constantFrom("web", "db", "alice", "abcdefgh", ""), fc.constantFrom("key", "reporter", "join"))
    .chain(([id, as]) => otherFields({ t: "hello", v: 2, as, id, m: "AAAA" }).map((fields) => ({ fields }))),
  mutation(SMALL_ORDER).map((message) => ({ message })),
  fc.constantFrom(...SMALL_ORDER).map((point) => ({ message: (text: string) => point + text.slice(32) })),
  otherFields({
    time: 0,
    software: "x",
    local: "10.0.0.2:40000",
    remote: "10.0.0.1:1666",
    ticket: "AAAA",
    name: "a",
  }).map((payload) => ({ payload })),
);
interface Change {
  readonly line?: (text: string) => string;
  readonly fields?: Record<string, unknown>;
  readonly message?: (text: string) => string;
  readonly payload?: Record<string, unknown>;
}

export const hellos: Corpus = corpus(
  "hellos",
  fc.tuple(kind, change),
  ([{ claim, keys }, how]: [(typeof KINDS)[number], Change]) => {
    const door = new Door({ keys: RING });
    const payload = { ...door.payload(), ...how.payload } as HelloPayload;
    const made = helloLine(claim, handshakeOf(claim, "initiator", keys), payload);
    const line = changed(made, how);
    const judgement = door.judge(bytesOf(line), SEEN);
    if ("refused" in judgement) {
      assertRefusal(judgement.refused, CODES);
      if (judgement.line !== null) assert.ok(judgement.line.length < 1_024 && !judgement.line.includes("\n"));
      return undefined;
    }
    // White space, the order of fields and the spelling of a character are no part of what is said.
    assert.deepEqual(readHello(bytesOf(line)), readHello(bytesOf(made)));
    const { hello } = judgement.proved;
    assert.ok(Math.abs(hello.time - door.wall) <= 60_000);
    const { line: answer } = judgement.proved.answer({ t: "welcome" });
    assert.ok(answer.length < 8_192);
    return undefined;
  },
);

function changed(made: string, { line, fields, message }: Change): string {
  if (line) return line(made);
  const object = parseObject(bytesOf(made)) as { m: string };
  if (fields) return JSON.stringify({ ...fields, ...(fields.m === "AAAA" && { m: object.m }) });
  if (message)
    return JSON.stringify({
      ...object,
      m: bytesOf(message(Buffer.from(object.m, "base64").toString("latin1"))).toString("base64"),
    });
  return made;
}
