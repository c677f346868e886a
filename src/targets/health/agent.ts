import { parseAgentWord } from "./agent-word.ts";
import type { AgentAsk, HealthCheck } from "./check.ts";
import { converse, readUntil } from "./conversation.ts";
import { quoted } from "./send-expect.ts";

/** Bytes of a line: an agent's has some tens. */
const MOST_BYTES = 1024;
const LINE_END = 10;

/** The agent has answered with a word that is one. What it says is another matter. */
export const agent: HealthCheck<AgentAsk> = {
  kind: "agent",
  run: ({ send }, to, context) =>
    converse(to, { tls: null, proxy: null }, null, context, async (connection) => {
      if (send.length > 0) await connection.write(send);
      const answer = await readUntil(connection, MOST_BYTES, context.clock, (bytes) => bytes.includes(LINE_END));
      const [line = ""] = answer.toString("utf8").split(/[\r\n]/, 1);
      const word = parseAgentWord(line);
      if (word === null)
        return { ok: false, reason: `its agent said ${quoted(Buffer.from(line))}, which is no word of the protocol` };
      return { ok: true, reason: `its agent says ${quoted(Buffer.from(line.trim()))}`, word };
    }),
};
