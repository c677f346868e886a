/**
 * Clients with addresses of their own, each of which comes again and again, at a steady rate: `visitors-program.ts PLAN`, which is JSON. What
 * standard input says is done, and answered with a line of JSON (`Seen`) when it is: "go", "pause"; "alone": those that stay have gone; "all":
 * each has come in every way from then on.
 */
import { connect, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";

export interface Plan {
  /** Clients; the addresses of all are 10.50.0.0/16. */
  readonly clients: number;
  /** Visits a second. */
  readonly rate: number;
  /** ms that an answer may take: who has none by then has failed. */
  readonly patience: number;
  /** Of the balancers. */
  readonly hosts: readonly string[];
  /** Null: all come by the other port. */
  readonly hashPort: number | null;
  readonly stickyPort: number;
  /** Further clients, which come once, at each of the ports, and stay. */
  readonly staying: number;
}

/** How a client is to be known again: at any balancer, by its address alone; at its own one, which has a binding of it. */
export type Kind = "hash" | "sticky";

export interface Visit {
  readonly kind: Kind;
  readonly client: number;
  /** Of the balancer. */
  readonly host: number;
  /** Unix time of its beginning, ms. */
  readonly at: number;
}

export interface Seen {
  readonly served: number;
  /** Since it was last told to go. */
  readonly failed: readonly (Visit & { readonly why: string })[];
  /** Likewise: visits that found another target than the client had before. */
  readonly moved: readonly (Visit & { readonly from: string; readonly to: string })[];
  /** Of those that stay, and have been ended. */
  readonly lost: number;
}

/** ms of visits that are made up for. */
const LATE_MS = 20;

const plan = JSON.parse(process.argv[2]!) as Plan;
const kinds: readonly Kind[] = plan.hashPort === null ? ["sticky"] : ["hash", "sticky"];
const failed: (Visit & { why: string })[] = [];
const moved: (Visit & { from: string; to: string })[] = [];
const homes: Record<Kind, Map<number, string>> = { hash: new Map(), sticky: new Map() };
const staying = new Set<Socket>();
const underWay = new Set<Promise<void>>();
let visits = 0;
let served = 0;
let lost = 0;
let isGoing = false;

function open({ kind, client, host }: Visit): Socket {
  const port = kind === "hash" ? plan.hashPort! : plan.stickyPort;
  const localAddress = `10.50.${client >> 8}.${client & 255}`;
  return connect({ host: plan.hosts[host]!, port, localAddress });
}

/** The first line that it is told. Rejects where there is none in time. */
function name(socket: Socket, word: "ask" | "stay"): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    const late = setTimeout(() => socket.destroy(new Error(`no answer within ${plan.patience} ms`)), plan.patience);
    socket.on("data", (chunk) => {
      text += chunk.toString();
      if (!text.endsWith("\n")) return;
      clearTimeout(late);
      resolve(text.trim());
    });
    socket.on("error", reject);
    socket.on("close", () => {
      clearTimeout(late);
      reject(new Error(`it was closed after "${text}"`));
    });
    socket.write(word);
  });
}

async function come(visit: Visit): Promise<void> {
  const socket = open(visit);
  try {
    const to = await name(socket, "ask");
    served += 1;
    const home = homes[visit.kind].get(visit.client);
    if (home !== undefined && home !== to) moved.push({ ...visit, from: home, to });
    // By its address alone a client has one target; a binding is with the last one.
    if (home === undefined || visit.kind === "sticky") homes[visit.kind].set(visit.client, to);
  } catch (error) {
    failed.push({ ...visit, why: (error as Error).message });
  } finally {
    socket.end();
  }
}

/** The n-th visit: each client comes in every way, to another balancer each time where any will do. */
function nth(n: number): Visit {
  const kind = kinds[n % kinds.length]!;
  const turn = Math.floor(n / kinds.length);
  const client = turn % plan.clients;
  const round = Math.floor(turn / plan.clients);
  return { kind, client, host: (client + (kind === "hash" ? round : 0)) % plan.hosts.length, at: Date.now() };
}

async function comeAgainAndAgain(): Promise<void> {
  let due = performance.now();
  for (;;) {
    while (!isGoing) {
      await delay(10);
      due = performance.now();
    }
    // On a machine that is too busy for it they come less often, and not all at once later on.
    due = Math.max(due + 1000 / plan.rate, performance.now() - LATE_MS);
    const wait = due - performance.now();
    if (wait > 0) await delay(wait);
    const visit = come(nth(visits++)).finally(() => underWay.delete(visit));
    underWay.add(visit);
  }
}

function tell(): void {
  console.log(JSON.stringify({ served, failed, moved, lost } satisfies Seen));
}

async function obey(line: string): Promise<void> {
  if (line === "all") for (const end = visits + kinds.length * plan.clients; visits < end; ) await delay(5);
  else if (line === "alone") sendAway();
  else isGoing = line === "go";
  if (line === "pause") await Promise.all(underWay);
  tell();
  if (line === "go") for (const told of [failed, moved]) told.length = 0;
}

async function stay(): Promise<void> {
  for (let n = 0; n < plan.staying; n++) {
    const host = Math.floor(n / kinds.length) % plan.hosts.length;
    const socket = open({ kind: kinds[n % kinds.length]!, client: plan.clients + n, host, at: 0 });
    await name(socket, "stay");
    staying.add(socket);
    socket
      .on("error", () => undefined)
      .on("close", () => {
        if (staying.delete(socket)) lost += 1;
      });
  }
}

function sendAway(): void {
  for (const socket of staying) {
    staying.delete(socket);
    socket.destroy();
  }
}

await stay();
createInterface({ input: process.stdin }).on("line", (line) => void obey(line));
tell();
await comeAgainAndAgain();
