/**
 * Strangers in a process of their own: `flood-program.ts PLAN`, a `FloodPlan` as JSON. Connects at a steady rate and makes one
 * attempt on each connection, of one kind after the other. It keeps every connection open, whatever it is told, until the other side
 * has dropped it: what a stranger holds is the balancer's choice. Prints a `FloodPhase` as a line of JSON when each kind is over.
 */
import { connect, type Socket } from "node:net";
import { LOOPBACK } from "../ports.ts";
import { attempts } from "./attempts.ts";
import { recordClientHello } from "./client-hello.ts";
import { hellos } from "./hellos.ts";

export interface FloodPlan {
  readonly port: number;
  /** One that the balancer accepts, for what is almost right. */
  readonly key: string;
  readonly tls: boolean;
  /** Names in `attempts.ts`; "all" are all of them in turn. */
  readonly kinds: readonly string[];
  /** Attempts a second. */
  readonly rate: number;
  /** Of each kind. */
  readonly seconds: number;
  /** Source addresses, taken in turn. */
  readonly from: readonly string[];
}

export interface FloodPhase {
  readonly kind: string;
  /** ms since 1970. */
  readonly from: number;
  readonly to: number;
  /** Attempts a second that came as far as a connection. */
  readonly rate: number;
}

/** Connections that this process holds. Above that it drops its oldest: many more than any balancer lets it have. */
const MAX_OPEN = 8_000;
const TICK_MS = 4;
/** Below those that the system chooses from. */
const FIRST_PORT = 10_000;
const PORTS = 20_000;

const plan = JSON.parse(process.argv[2]!) as FloodPlan;
const means = { hellos: hellos(plan.key), clientHello: plan.tls ? await recordClientHello() : Buffer.alloc(0) };
const table = plan.tls ? attempts.tls : attempts.plain;
const open = new Set<Socket>();
let begun = 0;
let connected = 0;

for (const kind of plan.kinds) await flood(kind);
process.exit(0);

function flood(kind: string): Promise<void> {
  const names = kind === "all" ? Object.keys(table) : [kind];
  const [from, started, first, firstConnected] = [Date.now(), performance.now(), begun, connected];
  return new Promise((resolve) => {
    const ticks = setInterval(() => {
      const seconds = (performance.now() - started) / 1_000;
      // Not more at once than 100 ms' worth: a longer pause of this process is not to become a burst.
      for (let n = 0; begun - first < seconds * plan.rate && n <= plan.rate / 10; n++) begin(names);
      if (seconds < plan.seconds) return;
      clearInterval(ticks);
      const rate = Math.round((connected - firstConnected) / seconds);
      console.log(JSON.stringify({ kind, from, to: Date.now(), rate } satisfies FloodPhase));
      resolve();
    }, TICK_MS);
  });
}

function begin(names: readonly string[]): void {
  const attempt = table[names[begun % names.length]!]!;
  const from = sourceOf(begun);
  begun += 1;
  const socket = connect({ port: plan.port, host: LOOPBACK, ...from, allowHalfOpen: true, noDelay: true });
  open.add(socket);
  socket.on("error", () => undefined);
  socket.once("connect", () => {
    connected += 1;
    socket.resume();
    attempt(socket, means);
  });
  socket.once("close", () => open.delete(socket));
  if (open.size > MAX_OPEN) dropOldest();
}

function dropOldest(): void {
  const [oldest] = open;
  open.delete(oldest!);
  oldest!.destroy();
}

/** For 127.0.0.1 the system's own choice; elsewhere a port as well, since the system takes long to find one at an address given. */
function sourceOf(n: number): { localAddress?: string; localPort?: number } {
  const localAddress = plan.from[n % plan.from.length]!;
  if (localAddress === LOOPBACK) return {};
  return { localAddress, localPort: FIRST_PORT + (Math.floor(n / plan.from.length) % PORTS) };
}
