/** Three balancers and one target with a limit: it never has more connections than that, by its own count, and hardly ever fewer while clients wait. */
import assert from "node:assert/strict";
import { connect, createServer, type Server, type Socket } from "node:net";
import { after, it } from "node:test";
import { type Balancer, launchReporter, startBalancer } from "../support/cluster.ts";
import { endPrograms } from "../support/program.ts";
import { passes, until } from "../support/wait.ts";

const LIMIT = 10;
/** Of all the time, that clients are served while others wait. */
const LEAST = 9.5;
/** ms, drawn between the two: what a connection takes, beside which the change from one to the next is small. */
const SERVED_MS = [700, 900] as const;
/** At each balancer, more than the target takes of all. */
const CLIENTS = 12;
/** ms that are measured; and how often, where the machine did not keep up. */
const WINDOW_MS = 2_500;
const ATTEMPTS = 4;
const ARGS = ["--host-timeout", "2s"];
const skip = process.platform === "win32" && "Windows cannot stop a process for a while (SIGSTOP)";

let server: Server | null = null;
after(async () => {
  await endPrograms();
  server?.close();
});

/** A server that counts its clients, from what they say first until it has ended them, or they are gone. A balancer's probe says nothing. */
class Gauge {
  most = 0;
  #now = 0;
  /** Connections times ms. */
  #sum = 0;
  #at = performance.now();

  get now(): number {
    return this.#now;
  }

  get sum(): number {
    this.#count(0);
    return this.#sum;
  }

  serve(socket: Socket): void {
    socket
      .on("error", () => undefined)
      .once("data", () => {
        this.#count(1);
        const [least, most] = SERVED_MS;
        const timer = setTimeout(() => over(true), least + Math.random() * (most - least));
        const over = (isServed: boolean) => {
          clearTimeout(timer);
          socket.off("close", gone);
          this.#count(-1);
          if (isServed) socket.end("served");
        };
        const gone = () => over(false);
        socket.once("close", gone);
      });
  }

  #count(change: number): void {
    const at = performance.now();
    this.#sum += this.#now * (at - this.#at);
    this.#at = at;
    this.#now += change;
    this.most = Math.max(this.most, this.#now);
  }
}

/** Clients of one balancer that come again as soon as they have been served. */
class Load {
  served = 0;
  readonly #port: number;
  #isOn = false;
  readonly #running = new Set<Promise<void>>();

  constructor(port: number) {
    this.#port = port;
  }

  start(): void {
    this.#isOn = true;
    for (let n = 0; n < CLIENTS; n++) {
      const client = this.#client();
      this.#running.add(client);
      void client.then(() => this.#running.delete(client));
    }
  }

  /** Who waits goes on until he has been served. */
  stop(): void {
    this.#isOn = false;
  }

  async over(): Promise<void> {
    this.stop();
    await Promise.all(this.#running);
  }

  async #client(): Promise<void> {
    while (this.#isOn) {
      const text = await ask(this.#port);
      if (text === "served") this.served += 1;
      else await passes(50); // the balancer is gone for now
    }
  }
}

function ask(port: number): Promise<string> {
  return new Promise((resolve) => {
    let text = "";
    const socket = connect({ port, host: "127.0.0.1" });
    socket.on("data", (bytes) => {
      text += bytes.toString();
    });
    socket.on("error", () => undefined).on("close", () => resolve(text));
    socket.write("x");
  });
}

/** Connections on average, over a time in which clients wait; the best of a few, since others use the machine as well. */
async function average(gauge: Gauge, isEnough: (average: number) => boolean): Promise<number> {
  let best = 0;
  for (let attempt = 0; attempt < ATTEMPTS && !isEnough(best); attempt++) {
    const [sum, at] = [gauge.sum, performance.now()];
    await passes(WINDOW_MS);
    best = Math.max(best, (gauge.sum - sum) / (performance.now() - at));
  }
  return best;
}

it("a target's limit holds over three balancers, whatever becomes of them, and is made use of", { skip }, async () => {
  const gauge = new Gauge();
  const listening = createServer((socket) => gauge.serve(socket)).listen(0, "127.0.0.1");
  server = listening;
  await until("the server", () => listening.listening);
  const { port } = listening.address() as { port: number };
  const balancers = await Promise.all([1, 2, 3].map(() => startBalancer(ARGS)));
  const ports = balancers.map(({ adminPort }) => adminPort);
  launchReporter(ports, port, ["--max-connections", String(LIMIT)]);
  const loads = balancers.map((balancer) => new Load(balancer.port));
  const isEnough = (found: number) => found >= LEAST;
  const served = () => loads.map((load) => load.served);
  const allServe = async (what: string) => {
    const before = served();
    await until(what, () => served().every((count, i) => count >= before[i]! + 3));
  };

  for (const load of loads) load.start();
  await allServe("clients of each balancer to be served");
  const all = await average(gauge, isEnough);
  assert.ok(isEnough(all), `${all} of ${LIMIT} on average, with all three under load`);

  const [first, second, third] = loads as [Load, Load, Load];
  for (const load of [second, third]) load.stop();
  const one = await average(gauge, isEnough);
  assert.ok(isEnough(one), `${one} of ${LIMIT} on average, with one under load`);

  // To another one; and then all again, of which one is killed and started anew, and one hangs for longer than its lease.
  first.stop();
  second.start();
  await until("clients elsewhere to be served", () => gauge.now >= LIMIT - 1 && second.served > 0);
  for (const load of [first, third]) load.start();
  await allServe("clients of each balancer to be served again");
  const [a, b] = balancers as [Balancer, Balancer];
  await a.program.kill();
  b.program.signal("SIGSTOP");
  await passes(3_200); // by which the leases of both have run out
  const again = startBalancer(ARGS, { port: a.port, adminPort: a.adminPort });
  b.program.signal("SIGCONT");
  await again;
  await allServe("clients of each balancer to be served, of which one was killed and one had hung");
  const last = await average(gauge, isEnough);
  assert.ok(isEnough(last), `${last} of ${LIMIT} on average, at the end`);

  assert.equal(gauge.most, LIMIT, "by the target's own count");
  await Promise.all(loads.map((load) => load.over()));
});
