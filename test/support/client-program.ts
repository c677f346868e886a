/**
 * Clients in a process of their own, for the tests that stop what they connect to: `client-program.ts PORT CLIENTS`. Each
 * connects, reads what it is sent and connects again without a pause, until it is refused. The first line of JSON comes once all
 * have been answered, the last one (`Outcome`) once all have been refused.
 */
import { runtime } from "#runtime";
import { netCodeOf } from "../../src/net/net-error.ts";
import { LOOPBACK } from "./ports.ts";
import { readText } from "./stream.ts";

export interface Outcome {
  /** Connections by the text that they were sent. */
  readonly answers: Record<string, number>;
  /** Connections that stood, or might have, and brought no answer: by the error's code. */
  readonly losses: Record<string, number>;
}

const [port, clients] = process.argv.slice(2).map(Number);
const outcome: Outcome = { answers: {}, losses: {} };
let answered = 0;

await Promise.all(Array.from({ length: clients! }, comeAgainAndAgain));
console.log(JSON.stringify(outcome));

async function comeAgainAndAgain(): Promise<void> {
  for (let first = true; await come(); first = false) {
    if (first && ++answered === clients) console.log(JSON.stringify({ answered }));
  }
}

/** False: refused. */
async function come(): Promise<boolean> {
  try {
    const connection = await runtime.connect({ to: { host: LOOPBACK, port: port! } });
    try {
      count(outcome.answers, await readText(connection));
    } finally {
      await connection.close();
    }
  } catch (error) {
    const code = netCodeOf(error) ?? String(error);
    if (code === "ECONNREFUSED") return false;
    count(outcome.losses, code);
  }
  return true;
}

function count(of: Record<string, number>, what: string): void {
  of[what] = (of[what] ?? 0) + 1;
}
