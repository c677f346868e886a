/** A server and clients that close first, as JavaScript for machines of their own: each connection leaves a port in TIME_WAIT behind. */
import assert from "node:assert/strict";
import { Machine } from "./machine.ts";
import { until } from "./wait.ts";

/** Port of the server. */
export const SERVER_PORT = 9000;

/** It tells whoever says something from which address that came, and what follows the client's FIN: nothing, or one more line after `late` ms. */
const server = (late: number | null) => `
import("node:net").then(({ createServer }) => createServer({ allowHalfOpen: true }, (socket) => {
  socket.on("error", () => undefined);
  socket.once("data", () => socket.write(socket.remoteAddress.replace("::ffff:", "") + "\\n"));
  socket.on("end", () => ${late === null ? "socket.end()" : `setTimeout(() => socket.end("late\\n"), ${late})`});
}).listen(${SERVER_PORT}, () => console.log("ready")))`;

/** So many, one after the other. Each sends its FIN with the first line, and reads what still comes. */
const clients = (host: string, port: number, times: number) => `
import("node:net").then(async ({ connect }) => {
  let answered = 0, last = "";
  for (let i = 0; i < ${times}; i++) {
    const text = await new Promise((resolve) => {
      const socket = connect({ host: "${host}", port: ${port}, allowHalfOpen: true });
      let text = "";
      socket.on("error", () => resolve(text));
      socket.on("close", () => resolve(text));
      socket.on("data", (chunk) => {
        text += chunk;
        if (text.endsWith("\\n")) socket.end();
      });
      socket.on("end", () => socket.end());
      socket.write("hello");
    });
    if (text !== "") { answered++; last = text.trim(); }
  }
  console.log(JSON.stringify({ answered, last }));
})`;

export interface Answers {
  readonly answered: number;
  /** What the last one was told. */
  readonly last: string;
}

export async function serveOn(machine: Machine, late: number | null = null): Promise<void> {
  const program = machine.evaluate(server(late));
  await until("the server", () => program.stdout.includes("ready"));
}

/** Clients of that machine, one after the other. */
export async function askFrom(machine: Machine, host: string, port: number, times: number): Promise<Answers> {
  const program = machine.evaluate(clients(host, port, times));
  assert.deepEqual(await program.ended(300_000), { code: 0, signal: null }, program.stderr);
  return JSON.parse(program.stdout) as Answers;
}

/** Two machines with a cable, 10.1.0.1 and 10.1.0.2, of which the first has so few ports that they run out. */
export async function fewPorts(count: number): Promise<{ machine: Machine; clients: Machine }> {
  const [machine, clients] = [await Machine.withNetwork(), await Machine.withNetwork()];
  machine.connect("in", "10.1.0.1", clients, "eth0", "10.1.0.2");
  machine.must("sh", "-c", `echo '40000 ${40_000 + count - 1}' > /proc/sys/net/ipv4/ip_local_port_range`);
  machine.must("sh", "-c", "echo 0 > /proc/sys/net/ipv4/tcp_tw_reuse"); // as between machines: by default loopback alone is spared
  return { machine, clients };
}
