/** First lines that prove nothing here. Made before the flood begins, since to make one takes longer than to send it. */
import { randomBytes } from "node:crypto";
import { parseKey } from "../../../src/control/keys/key.ts";
import { type Claim, handshakeOf, helloLine, pskOfSecret } from "../../../src/control/protocol/hello.ts";

/** Different ones of a kind, sent in turn. */
const DIFFERENT = 64;

/** `key`: one that the balancer accepts. Each answers the next line, with its LF. */
export function hellos(key: string) {
  const { id, secret } = parseKey(key, "the flood's plan");
  const recorded = hello(id, secret);
  return {
    wrongProof: inTurn(() => hello(id, `wrong ${randomBytes(16).toString("hex")}`)),
    unknownId: inTurn(() => hello(`nobody-${randomBytes(4).toString("hex")}`, secret)),
    reporter: inTurn(() => `${JSON.stringify({ t: "hello", v: 2, as: "reporter", m: noise(200) })}\n`),
    join: inTurn(() => `${JSON.stringify({ t: "hello", v: 2, as: "join", id: "abcdefgh", m: noise(200) })}\n`),
    version1: inTurn(() => {
      const nonce = randomBytes(32).toString("hex");
      return `${JSON.stringify({ t: "hello", v: 1, key: id, nonce, software: "harmony/1" })}\n`;
    }),
    replayed: () => recorded,
  };
}

export type Hellos = ReturnType<typeof hellos>;

function hello(id: string, secret: string): string {
  const claim: Claim = { as: "key", id };
  const payload = { time: Date.now(), software: "stranger/1", local: "127.0.0.1:9", remote: "127.0.0.1:1666" };
  return `${helloLine(claim, handshakeOf(claim, "initiator", { psk: pskOfSecret(secret) }), payload)}\n`;
}

function noise(bytes: number): string {
  return randomBytes(bytes).toString("base64");
}

function inTurn(make: () => string): () => string {
  const lines = Array.from({ length: DIFFERENT }, make);
  let next = 0;
  return () => lines[next++ % DIFFERENT]!;
}
