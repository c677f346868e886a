/** The bodies of lines, in both directions, and the lines that bytes are cut into. */
import assert from "node:assert/strict";
import { readFromBalancer, readFromReporter } from "../../../src/control/protocol/messages.ts";
import { parseObject } from "../../../src/control/protocol/schema.ts";
import { LineSplitter } from "../../../src/net/lines.ts";
import fc from "../../support/draws.ts";
import { type Corpus, corpus, refusedWith } from "../corpus.ts";
import { bytesOf, mutated, otherFields } from "../mutations.ts";

const report = {
  t: "report",
  n: 1,
  ref: 0,
  since: 5,
  id: "a",
  pool: "web",
  port: 80,
  weight: 1,
  health: "up",
  reason: "why",
  drain: false,
};
const MESSAGES: readonly Record<string, unknown>[] = [
  { ...report, advertise: "10.0.0.1", maxConnections: 0, priority: 7, sendProxy: "v2", instance: "x", after: 1 },
  { ...report, listen: 5000, options: { algorithm: "random", "queue-timeout": "5s" } },
  { t: "leave", n: 2, ref: 0 },
  { t: "join", n: 1 },
  { t: "rotate", n: 1, key: Buffer.alloc(32, 1).toString("base64") },
  {
    t: "welcome",
    lease: 60_000,
    interval: 20_000,
    name: "b",
    version: "2.0.0",
    local: "10.0.0.1:1",
    remote: "[::1]:2",
  },
  { t: "ok", n: 1, target: "a", active: 3, listen: 5000 },
  { t: "reject", n: 1, code: "BAD_KEY", reason: "why", retry: false },
  { t: "goodbye", code: "STOPPING", reason: "it stops" },
];
const object = fc.constantFrom(...MESSAGES).chain(otherFields);
const bytes = fc.oneof(
  object.map((value) => JSON.stringify(value)),
  mutated(
    object.map((value) => JSON.stringify(value)),
    ['"', "\\u0000", "\\ud800", "{", "}", "[", "1e999", "-0", ",", ":", "\u00c3\u0028"],
  ),
  fc.json(),
);

/** Whatever is left of it can be shown in a log. */
function assertPrintable(value: unknown): void {
  if (typeof value === "string") assert.doesNotMatch(value, /[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/u);
  else if (typeof value === "object" && value !== null) Object.values(value).forEach(assertPrintable);
}

export const messages: Corpus = corpus("messages", bytes, (text) => {
  const body = refusedWith(["NOT_JSON"], () => parseObject(bytesOf(text)));
  if (!("value" in body)) return undefined;
  for (const reads of [readFromReporter, readFromBalancer]) {
    const message = refusedWith(["BAD_MESSAGE"], () => reads(body.value));
    if ("value" in message) assertPrintable(message.value);
  }
  return undefined;
});

const LIMIT = 40;
const chunks = fc.array(
  fc.uint8Array({ maxLength: 60 }).map((some) => some.map((byte) => (byte < 40 ? 0x0a : byte))),
  { maxLength: 8 },
);

export const lines: Corpus = corpus("lines", chunks, (some) => {
  const splitter = new LineSplitter(LIMIT);
  const found: string[] = [];
  const tooLong = refusedWith(["LINE_TOO_LONG"], () => {
    for (const chunk of some) {
      splitter.push(chunk);
      for (let line = splitter.next(); line !== null; line = splitter.next())
        found.push(Buffer.from(line).toString("latin1"));
    }
  });
  const parts = Buffer.concat(some).toString("latin1").split("\n");
  const first = parts.findIndex((line) => line.length >= LIMIT);
  assert.equal("value" in tooLong, first === -1);
  assert.deepEqual(found, parts.slice(0, first === -1 ? -1 : first));
  return undefined;
});
