/** A group's store whose address leads to something else than Redis. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { afterEach, describe, it } from "node:test";
import { LOOPBACK } from "../support/ports.ts";
import { within } from "../support/wait.ts";
import { atServer, closeStores, openStore, rejection } from "./redis-world.ts";

const peers: Server[] = [];

afterEach(async () => {
  await closeStores();
  for (const peer of peers.splice(0)) peer.close();
});

/** A call takes at most 2 s; the rest is what a busy machine takes. */
const BOUND_MS = 8_000;

describe("who is no Redis", () => {
  /** Says that to whoever connects, or answers each chunk with it. */
  async function peer(act: (socket: Socket) => void): Promise<number> {
    const server = createServer((socket) => {
      socket.on("error", () => undefined);
      act(socket);
    });
    peers.push(server);
    server.listen(0, LOOPBACK);
    await once(server, "listening");
    return (server.address() as AddressInfo).port;
  }

  const nonsense: readonly string[] = [
    "HTTP/1.1 400 Bad Request\r\n\r\n",
    "$-1\r\n",
    "*-1\r\n",
    "*1\r\n$-1\r\n",
    ">1\r\n_\r\n",
    "*1000000000\r\n",
    "*-5\r\n",
    "$99999999999\r\nabc",
    "$-7\r\n",
    "+\rX\r\n",
    ":abc\r\n",
    "*1\r\n".repeat(100_000),
    "+".padEnd(100_000, "x"),
    "\0\0\0\0",
  ];
  it("says nonsense, unasked or as an answer: it is refused, and the process goes on", async () => {
    const refused = /no Redis that a group can use|refuses what|has not answered|reads as no list/;
    const acts = (text: string) => [
      (socket: Socket) => void socket.write(text),
      (socket: Socket) => void socket.on("data", () => socket.write(text)),
      // The first answers fit, so that it comes where messages are expected.
      (socket: Socket) => void socket.on("data", (data) => socket.write(answersTo(String(data)) ?? text)),
    ];
    await Promise.all(
      nonsense.flatMap(acts).map(async (act) => {
        const { code } = await rejection(await openStore(atServer(await peer(act))), refused);
        assert.match(code, /^GROUP_/);
      }),
    );
  });

  /** What a real one says to the questions with which a connection begins. */
  function answersTo(question: string): string | null {
    if (question.includes("HLEN")) return ":0\r\n*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n";
    if (/subscribe/i.test(question))
      return "*3\r\n$9\r\nsubscribe\r\n$21\r\nharmony:{test}:1:hints\r\n:1\r\n".replace("$21", "$22");
    return null;
  }

  it("is a sentinel that gives a name that none can be: it is not asked for, and reaches no log", async () => {
    for (const host of ["x\u001b[2J\nfake", "", "a b", "%00"]) {
      const port = await peer((socket) =>
        socket.on("data", () => socket.write(`*2\r\n$${host.length}\r\n${host}\r\n$4\r\n6379\r\n`)),
      );
      const addresses = [{ host: LOOPBACK, port }];
      await rejection(await openStore(atServer(0, { form: "sentinel", addresses, master: "main" })), /knows no "main"/);
    }
  });

  it("sends without end: it is cut off, and nothing is kept", async () => {
    let sent = 0;
    const port = await peer((socket) => {
      const block = Buffer.alloc(1024 * 1024, "x");
      socket.once("data", () => {
        socket.write("*100000\r\n");
        const text = `$${block.length}\r\n`;
        const next = () => {
          if (socket.destroyed || sent > 1e9) return;
          sent += block.length;
          socket.write(text);
          socket.write(block);
          if (socket.write("\r\n")) setImmediate(next);
          else socket.once("drain", next);
        };
        next();
      });
    });
    const counted = await openStore(atServer(port));
    await rejection(counted, /more than \d+ bytes|has not answered/);
    await counted.store.close();
    // What one connection may send, and what lies in buffers; a few connections may have come and gone.
    assert.ok(sent < 500e6, `${sent} bytes were taken`);
  });

  it("says nothing, or only a little now and then: it is given up in bounded time", async () => {
    const silent = await openStore(atServer(await peer(() => undefined)));
    await rejection(silent, /has not answered for 2 s/);
    await within("the end", silent.store.close(), BOUND_MS);
  });
});
