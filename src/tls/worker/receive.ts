/** Asks a client at a listener what its rules say, up to a decision. */
import { NO_FACTS } from "../../edge/facts.ts";
import { Receiving, type ReceptionEnd } from "../../edge/receiving.ts";
import { ADMITTED, type Decided, type Edge } from "../../edge/reception.ts";
import type { RefusalAnswer } from "../../edge/rules.ts";
import type { Connection } from "../../net/runtime.ts";
import { addressWords } from "../../util/client-key.ts";
import { deferred } from "../../util/deferred.ts";

export type Received =
  | Decided
  | { readonly type: "refused"; readonly answer: RefusalAnswer }
  /** It has left, or was dropped. */
  | { readonly type: "gone" };

const GONE: Received = { type: "gone" };

/** ms, on the clock that all threads of the process share. */
export function now(): number {
  return performance.timeOrigin + performance.now();
}

/** `timeout`: ms for all that is read. What was read for a decision, and is the client's own, can be read again. Rejects by faults of ours. */
export async function receive(connection: Connection, edge: Edge, timeout: number): Promise<Received> {
  const { host, port } = connection.remote;
  const words = addressWords(host, new Uint32Array(4));
  const refusal = edge.admitPeer(words, 0);
  if (refusal !== ADMITTED) return { type: "refused", answer: edge.answerTo(refusal) };
  if (edge.reads) return read(connection, edge, words, port, timeout);
  const claim = edge.admitClient(words, 0, now());
  if (claim < 0) return { type: "refused", answer: edge.answerTo(~claim) };
  return { type: "decided", route: edge.plainRoute, claim, client: null, facts: NO_FACTS };
}

async function read(
  connection: Connection,
  edge: Edge,
  words: Uint32Array,
  port: number,
  timeout: number,
): Promise<Received> {
  const { promise, reject, resolve } = deferred<ReceptionEnd>();
  const receiving = new Receiving(connection, edge.receive(words, 0, port), now, (end, fault) => {
    if (fault === undefined) resolve(end);
    else reject(fault);
  });
  const timer = setTimeout(() => receiving.expire(), timeout);
  receiving.start();
  try {
    const end = await promise;
    if (end?.type === "decided") connection.unread(end.rest);
    return end ?? GONE;
  } finally {
    clearTimeout(timer);
  }
}
