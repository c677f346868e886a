import type { HealthCheck, SendExpectAsk } from "./check.ts";
import { converse, readUntil } from "./conversation.ts";

/** Bytes that are looked through for what is expected: more than a banner has. */
const MOST_BYTES = 16 * 1024;
/** Characters of an answer that a reason quotes. */
const MOST_QUOTED = 60;

/** It answers as expected. */
export const sendExpect: HealthCheck<SendExpectAsk> = {
  kind: "send-expect",
  run: ({ send, expect, ...way }, to, context) =>
    converse(to, way, null, context, async (connection) => {
      if (send.length > 0) await connection.write(send);
      if (expect.length === 0) return { ok: true, reason: "it takes what is sent" };
      const answer = await readUntil(connection, MOST_BYTES, context.clock, (bytes) => bytes.includes(expect));
      if (answer.includes(expect)) return { ok: true, reason: "it answers as expected" };
      const said = answer.length === 0 ? "nothing" : quoted(answer);
      return { ok: false, reason: `it answered ${said}, not ${quoted(expect)}` };
    }),
};

/** As one line of printable text. */
export function quoted(bytes: Uint8Array): string {
  const text = JSON.stringify(Buffer.from(bytes.subarray(0, MOST_QUOTED)).toString("latin1"));
  const plain = text.replace(/[^ -~]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
  return bytes.length > MOST_QUOTED ? `${plain} …` : plain;
}
