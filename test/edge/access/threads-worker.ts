/** What the threads of threads.test.ts do: come and go as clients of one listener. */
import { parentPort, workerData } from "node:worker_threads";
import { ClientLimits, type ClientLimitsData, NO_CLAIM } from "../../../src/edge/access/client-limits.ts";
import { wordsOf } from "../helpers.ts";

export interface Work {
  readonly data: ClientLimitsData;
  readonly thread: number;
  readonly rounds: number;
  readonly most: number;
  /** By client, how many connections all threads have open. */
  readonly open: Int32Array;
  /** It ends with some connections open. */
  readonly stays: boolean;
}

export interface Tally {
  readonly entered: number;
  readonly refused: number;
  /** Times a limit was seen exceeded. */
  readonly exceeded: number;
}

const { data, most, open, rounds, stays, thread } = workerData as Work;
const limits = new ClientLimits(data, thread);
const clients = [...open.keys()].map((n) => wordsOf(`10.0.0.${n}`));
const held: { readonly client: number; readonly claim: number }[] = [];
const tally = { entered: 0, refused: 0, exceeded: 0 };

function leave(): void {
  const { claim, client } = held.shift()!;
  Atomics.sub(open, client, 1);
  limits.leave(claim);
}

for (let i = 0; i < rounds; i++) {
  const client = i % clients.length;
  const claim = limits.enter(clients[client]!, 0, i);
  if (claim > NO_CLAIM) {
    tally.entered++;
    if (Atomics.add(open, client, 1) >= most) tally.exceeded++;
    held.push({ client, claim });
  } else tally.refused++;
  if (held.length > 5) leave();
}
while (!stays && held.length > 0) leave();
parentPort!.postMessage(tally satisfies Tally);
