/**
 * Clients that come one after the other, at a steady rate, to addresses that serve the same, and some that stay. Arguments: port, seconds,
 * connections per second, how many stay, ms that a client gives each address, addresses. Each has an address of its own, of 10.50.0.0/16. Prints,
 * as JSON, what has become of them.
 */
import { connect, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

/** Of one that came and went. Unix time, ms. */
export interface Visit {
  readonly at: number;
  readonly ms: number;
  readonly ok: boolean;
}

export interface Seen {
  readonly visits: readonly Visit[];
  readonly stayed: number;
  /** Of those that stay, at the end: no answer, or ended before. */
  readonly lost: number;
}

/** ms */
const [FIRST_WORD, LAST_WORD] = [5_000, 2_000];
const [port, seconds, rate, staying, patience] = process.argv.slice(2, 7).map(Number) as [
  number,
  number,
  number,
  number,
  number,
];
const addresses = process.argv.slice(7);
let clients = 0;

/** An answer to one byte. Rejects where there is none in time. */
function ask(socket: Socket, ms: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => end(new Error("no answer in time")), ms);
    const end = (error?: Error) => {
      clearTimeout(late);
      for (const event of ["data", "error", "close"]) socket.removeAllListeners(event);
      socket.on("error", () => undefined);
      error === undefined ? resolve() : reject(error);
    };
    socket.once("data", () => end());
    socket.once("error", end);
    socket.once("close", () => end(new Error("closed")));
    socket.write("?");
  });
}

/** The first of the addresses, in any order, that answers; null: none. As clients do that know all of a name's addresses. */
async function visit(patience: number): Promise<Socket | null> {
  const first = Math.floor(Math.random() * addresses.length);
  const client = ++clients;
  const localAddress = `10.50.${(client >> 8) & 255}.${client & 255}`;
  for (let i = 0; i < addresses.length; i++) {
    const socket = connect({ port, host: addresses[(first + i) % addresses.length]!, localAddress });
    try {
      await ask(socket, patience);
      return socket;
    } catch {
      socket.destroy();
    }
  }
  return null;
}

async function comeAndGo(): Promise<Visit> {
  const [at, began] = [Date.now(), performance.now()];
  const socket = await visit(patience);
  socket?.destroy();
  return { at, ms: performance.now() - began, ok: socket !== null };
}

const stay = (await Promise.all(Array.from({ length: staying }, () => visit(FIRST_WORD)))).filter(
  (socket) => socket !== null,
);
for (const socket of stay) socket.on("error", () => undefined);
console.log("ready");
const start = performance.now();
const visits: Promise<Visit>[] = [];
for (let n = 0; n < seconds * rate; n++) {
  const wait = start + (n * 1000) / rate - performance.now();
  if (wait > 0) await delay(wait);
  visits.push(comeAndGo());
}
const done = await Promise.all(visits);
const answers = await Promise.allSettled(stay.map((socket) => ask(socket, LAST_WORD)));
const lost = answers.filter(({ status }) => status === "rejected").length;
const seen = JSON.stringify({ visits: done, stayed: stay.length, lost } satisfies Seen);
process.stdout.write(`${seen}\n`, () => process.exit(0)); // once all of it is in the pipe
