/**
 * Reporters in a process of their own: `honest-program.ts PLAN`, an `HonestPlan` as JSON. Each opens a session as the reporter does
 * and asks one question in it, over a way on which every answer of the balancer takes a round trip longer. (A balancer sees a TCP
 * connection only with the last packet of TCP's own handshake, and with it the first line; from then on whatever follows from a line of
 * its own is here one round trip later. That is what this delays.) For each it prints an `HonestStart` and an
 * `HonestOutcome` as lines of JSON. It goes on until it is killed.
 */
import { connect, createServer } from "node:net";
import { runtime } from "#runtime";
import { ClientSession } from "../../../src/control/client/session.ts";
import { parseKey } from "../../../src/control/keys/key.ts";
import { systemClock } from "../../../src/util/clock.ts";
import { codeOf, messageOf } from "../../../src/util/errors.ts";
import { LOOPBACK } from "../ports.ts";

export interface HonestPlan {
  readonly port: number;
  readonly key: string;
  /** PEM; null without TLS. */
  readonly ca: string | null;
  /** ms between the beginnings of two. */
  readonly every: number;
  /** ms of a round trip. */
  readonly roundTrip: number;
}

export interface HonestStart {
  /** ms since 1970. */
  readonly began: number;
}

export interface HonestOutcome extends HonestStart {
  /** ms from its first packet to the answer to its question, the round trip of TCP's own handshake included. */
  readonly ms: number;
  /** null: all went well. */
  readonly error: string | null;
}

const plan = JSON.parse(process.argv[2]!) as HonestPlan;
const key = parseKey(plan.key, "the plan");

const way = createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
  const far = connect({ port: plan.port, host: LOOPBACK, allowHalfOpen: true, noDelay: true });
  near.on("data", (bytes) => far.write(bytes)).on("end", () => far.end());
  near.on("error", () => far.destroy()).on("close", () => far.destroy());
  far.on("data", (bytes) => later(() => near.write(bytes))).on("end", () => later(() => near.end()));
  far.on("error", () => later(() => near.destroy())).on("close", () => later(() => near.destroy()));
});

const later = (then: () => void): void => void setTimeout(then, plan.roundTrip);

way.listen(0, LOOPBACK, () => {
  const { port } = way.address() as { port: number };
  setInterval(() => void report(port), plan.every);
});

async function report(port: number): Promise<void> {
  const began = Date.now();
  const from = performance.now() - plan.roundTrip;
  const print = (line: HonestStart | HonestOutcome): void => console.log(JSON.stringify(line));
  const ended = (error: string | null): void => print({ began, ms: Math.round(performance.now() - from), error });
  print({ began });
  const tls = plan.ca === null ? null : { ca: plan.ca, serverName: "localhost" };
  const options = { runtime, to: { host: LOOPBACK, port }, tls, software: "honest/1", clock: systemClock };
  try {
    const session = await ClientSession.open(options, key, new AbortController().signal);
    const answer = await session.ask({ t: "leave" });
    ended(answer.t === "ok" ? null : JSON.stringify(answer));
    await session.close();
  } catch (error) {
    ended(`${codeOf(error)}: ${messageOf(error)}`);
  }
}
