/** A server that counts its clients by itself, and clients that keep balancers busy: whether a limit holds, and is made use of. */
import { connect, createServer, type Server, type Socket } from "node:net";
import { passes, until } from "./wait.ts";

/** ms, drawn between the two: what a connection takes, beside which the change from one to the next is small. */
export const SERVED_MS: readonly [least: number, most: number] = [700, 900];
/** ms that are measured; and how often, where the machine did not keep up. */
const WINDOW_MS = 2_500;
const ATTEMPTS = 8;

/** A server that counts its clients, from what they say first until it has ended them, or they are gone. A balancer's probe says nothing. */
export class Gauge {
  most = 0;
  #now = 0;
  readonly #servedMs: readonly [least: number, most: number];
  /** Connections times ms. */
  #sum = 0;
  #at = performance.now();

  #server: Server | null = null;

  constructor(servedMs = SERVED_MS) {
    this.#servedMs = servedMs;
  }

  /** Gives the port at which it listens. */
  async listen(): Promise<number> {
    const server = createServer((socket) => this.serve(socket)).listen(0, "127.0.0.1");
    this.#server = server;
    await until("the server", () => server.listening);
    return (server.address() as { port: number }).port;
  }

  close(): void {
    this.#server?.close();
  }

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
        const [least, most] = this.#servedMs;
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
export class Load {
  served = 0;
  readonly #port: number;
  readonly #clients: number;
  #isOn = false;
  readonly #running = new Set<Promise<void>>();

  constructor(port: number, clients: number) {
    this.#port = port;
    this.#clients = clients;
  }

  start(): void {
    this.#isOn = true;
    for (let n = 0; n < this.#clients; n++) {
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
export async function average(gauge: Gauge, isEnough: (average: number) => boolean): Promise<number> {
  let best = 0;
  for (let attempt = 0; attempt < ATTEMPTS && !isEnough(best); attempt++) {
    const [sum, at] = [gauge.sum, performance.now()];
    await passes(WINDOW_MS);
    best = Math.max(best, (gauge.sum - sum) / (performance.now() - at));
  }
  return best;
}
