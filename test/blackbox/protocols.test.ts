/** Protocols as their clients and servers speak them, through a balancer and a reporter that run as processes. */
import assert from "node:assert/strict";
import { Agent, createServer, type IncomingMessage, request } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, it } from "node:test";
import { type Balancer, startBalancer, startReporter } from "../support/cluster.ts";
import { dial, endServers, exchange, serve, type TestServer } from "../support/peers.ts";
import { endPrograms } from "../support/program.ts";
import { lines, readText, send } from "../support/stream.ts";
import { within } from "../support/wait.ts";

after(async () => {
  await endPrograms();
  await endServers();
});

/** A balancer in front of one such server. */
async function inFrontOf(server: { port: number }): Promise<Balancer> {
  const balancer = await startBalancer();
  await startReporter(balancer, server.port);
  return balancer;
}

describe("HTTP", () => {
  const server = createServer((incoming, response) => {
    const body: Buffer[] = [];
    incoming.on("data", (bytes: Buffer) => body.push(bytes));
    incoming.on("end", () => response.end(`${incoming.url} ${Buffer.concat(body).length}`));
  });
  let balancer: Balancer;

  before(async () => {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    balancer = await inFrontOf(server.address() as AddressInfo);
  });
  after(() => {
    server.closeAllConnections();
    server.close();
  });

  it("keeps one connection for many requests", async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const localPorts = new Set<number>();
    for (let i = 0; i < 50; i++) {
      const answer = await fetchText(balancer.port, `/${i}`, agent, "x".repeat(i * 1000));
      assert.equal(answer.text, `/${i} ${i * 1000}`);
      localPorts.add(answer.localPort);
    }
    agent.destroy();
    assert.equal(localPorts.size, 1);
  });

  it("serves many clients at once", async () => {
    const answers = await Promise.all(Array.from({ length: 100 }, (_, i) => fetchText(balancer.port, `/${i}`)));
    assert.deepEqual(
      answers.map(({ text }) => text),
      Array.from({ length: 100 }, (_, i) => `/${i} 0`),
    );
  });
});

function fetchText(port: number, path: string, agent?: Agent, body = ""): Promise<{ text: string; localPort: number }> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: "127.0.0.1", port, path, method: "POST", agent }, (response: IncomingMessage) => {
      const localPort = response.socket.localPort!;
      let text = "";
      response.on("data", (bytes: Buffer) => {
        text += bytes.toString();
      });
      response.on("end", () => resolve({ text, localPort }));
      response.on("error", reject);
    });
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}

describe("a line protocol", () => {
  it("answers each command before the next is sent, and pipelined ones in order", async () => {
    const balancer = await inFrontOf(await keyValueServer());
    const connection = await dial(balancer.port);
    const next = lines(connection);
    for (let i = 0; i < 200; i++) {
      await send(connection, `SET key${i} value${i}\r\n`);
      assert.equal(await within("+OK", next()), "+OK");
    }
    await send(connection, Array.from({ length: 200 }, (_, i) => `GET key${i}\r\n`).join(""));
    for (let i = 0; i < 200; i++) assert.equal(await within("a value", next()), `value${i}`);
    await connection.close();
  });
});

/** SET key value → +OK, GET key → value. */
function keyValueServer(): Promise<TestServer> {
  return serve(async (connection) => {
    const store = new Map<string, string>();
    const next = lines(connection);
    for (let line = await next(); line !== null; line = await next()) {
      const [command, key, value] = line.split(" ");
      if (command === "SET") store.set(key!, value!);
      await send(connection, command === "SET" ? "+OK\r\n" : `${store.get(key!) ?? "-missing"}\r\n`);
    }
  });
}

describe("a server that speaks first", () => {
  it("is heard before the client has said anything", async () => {
    const server = await serve(async (connection) => {
      await send(connection, "220 at your service\r\n");
      const next = lines(connection);
      await send(connection, `250 hello ${await next()}\r\n`);
    });
    const balancer = await inFrontOf(server);
    const connection = await dial(balancer.port);
    const next = lines(connection);
    assert.equal(await within("the greeting", next()), "220 at your service");
    await send(connection, "you\r\n");
    assert.equal(await within("the answer", next()), "250 hello you");
    assert.equal(await within("the end", next()), null);
    await connection.close();
  });
});

describe("a client that has finished sending", () => {
  const LONG = "0123456789".repeat(1_000_000);

  it("still reads a long answer to its end", async () => {
    const server = await serve(async (connection) => {
      const question = await readText(connection);
      if (question === "") return; // the balancer's look at a new target, which reads no answer
      await send(connection, `${question}:${LONG}`);
    });
    const balancer = await inFrontOf(server);
    const answer = await within("the answer", exchange(balancer.port, "question"));
    assert.equal(answer.length, "question:".length + LONG.length);
    assert.ok(answer === `question:${LONG}`);
    assert.deepEqual(server.errors, []);
  });

  it("may go on sending after the server has finished", async () => {
    let heard: Promise<string> | undefined;
    const server = await serve(async (connection) => {
      await send(connection, "that is all from me");
      await connection.closeWrite();
      heard = readText(connection);
      await heard;
    });
    const balancer = await inFrontOf(server);
    const connection = await dial(balancer.port);
    assert.equal(await within("the server's words", readText(connection)), "that is all from me");
    await send(connection, LONG);
    await connection.closeWrite();
    assert.ok((await within("all that was sent", heard!)) === LONG);
    await connection.close();
  });
});
