/** What the engine gets of clients whose TLS ends here, and what they get of it. */
import { deepEqual, equal, match, ok, rejects, throws } from "node:assert/strict";
import { test } from "node:test";
import { runtime } from "#runtime";
import { innerRoute } from "../../src/edge/inner-header.ts";
import type { TcpAddress } from "../../src/net/runtime.ts";
import type { Pool } from "../../src/pool/pool.ts";
import { clientHello } from "../support/client-hellos.ts";
import type { echo } from "../support/peers.ts";
import { LOOPBACK } from "../support/ports.ts";
import { ending, readAll, readText, send, show, text } from "../support/stream.ts";
import { dialTls } from "../support/tls-client.ts";
import type { HandedOver } from "../support/tls-engine.ts";
import { withTls } from "../support/tls-listener.ts";
import { standstill, until } from "../support/wait.ts";

/** A route for all. */
const NAMELESS = { names: [], alpn: [] };

test("the engine gets what a client says, with its address and facts", () =>
  withTls({}, async ({ engine, listener, port }) => {
    const client = await dialTls(port);
    const { local } = client;
    await send(client, "hello");
    equal(await readText(client, 5), "hello");
    await client.closeWrite();
    equal(await ending(client), "fin");
    const { header, shownAs } = engine.clients[0]!;
    equal(shownAs, `${LOOPBACK}:${port}`);
    deepEqual(header.destination, { host: LOOPBACK, port });
    deepEqual(header.client, local);
    const { alpn, serverName, tls } = header.told;
    deepEqual([alpn, serverName, tls?.version, tls?.certificate], [null, "localhost", "TLSv1.3", null]);
    match(tls?.cipher ?? "", /^TLS_AES/);
    deepEqual(listener.counts, { handshakes: 1, resumed: 0, failed: 0 });
  }));

test("clients come to the engine at several of its ports, so that those of one are no limit", () =>
  withTls({ threads: 1 }, async ({ engine, port }) => {
    const clients = [await dialTls(port), await dialTls(port), await dialTls(port)];
    await until("the engine has them", () => engine.clients.length === clients.length);
    equal(new Set(engine.clients.map(({ connection }) => connection.local.port)).size, clients.length);
    for (const client of clients) client.abort();
  }));

test("a client that has ended its half gets all that is said after it", () =>
  withTls(
    {
      handler: async ({ connection }) => {
        await connection.write(text(`${show(await readAll(connection))}, and an answer`));
        await connection.close();
      },
    },
    async ({ port }) => {
      const client = await dialTls(port);
      await send(client, "a question");
      await client.closeWrite();
      equal(await readText(client), "a question, and an answer");
    },
  ));

test("a response that is cut does not look complete: its reset reaches the client, after what came before", () =>
  withTls(
    {
      handler: async ({ connection }) => {
        await connection.read();
        await connection.write(text("half a resp"));
        connection.abort();
      },
    },
    async ({ port }) => {
      const client = await dialTls(port);
      await send(client, "?");
      equal(await readText(client, 11), "half a resp");
      equal(await ending(client), runtime.can.reset ? "ECONNRESET" : "fin"); // as this engine can
    },
  ));

test("a client's reset reaches the engine", async () => {
  const ends: string[] = [];
  const handler = async ({ connection }: { connection: Parameters<typeof ending>[0] }) => {
    ends.push(await ending(connection));
  };
  await withTls({ handler }, async ({ engine, port }) => {
    const client = await dialTls(port);
    await send(client, "?");
    await until("the engine has it", () => engine.clients.length === 1);
    client.abort();
    await until("its end", () => ends.length === 1);
    if (runtime.can.seesReset) deepEqual(ends, ["ECONNRESET"]);
  });
});

test("neither side is read faster than the other one takes", async () => {
  const CHUNK = new Uint8Array(64 * 1024);
  const MUCH = 64 * 1024 * 1024;
  let written = 0;
  const handler = async ({ connection }: { connection: Parameters<typeof echo>[0] }) => {
    await connection.read();
    while (written < MUCH) {
      await connection.write(CHUNK);
      written += CHUNK.length;
    }
    await connection.close();
  };
  await withTls({ handler }, async ({ port }) => {
    const client = await dialTls(port);
    await send(client, "?");
    const stopped = await standstill("what is written to a client that does not read", () => written);
    ok(stopped < MUCH / 2, `${stopped} bytes`);
    equal((await readAll(client)).length, MUCH);
  });
});

test("a target that does not read holds up its client", async () => {
  const CHUNK = new Uint8Array(64 * 1024);
  const MUCH = 64 * 1024 * 1024;
  let read = 0;
  let go = (): void => undefined;
  const may = new Promise<void>((resolve) => {
    go = resolve;
  });
  const handler = async ({ connection }: { connection: Parameters<typeof echo>[0] }) => {
    await may;
    for (let bytes = await connection.read(); bytes !== null; bytes = await connection.read()) read += bytes.length;
    await connection.close();
  };
  await withTls({ handler }, async ({ port }) => {
    const client = await dialTls(port);
    let written = 0;
    const writing = (async () => {
      for (; written < MUCH; written += CHUNK.length) await client.write(CHUNK);
      await client.closeWrite();
    })();
    const stopped = await standstill("what a client can write", () => written);
    ok(stopped < MUCH / 2, `${stopped} bytes`);
    go();
    await writing;
    equal(await ending(client), "fin");
    equal(read, MUCH);
  });
});

test("how sockets are set is the runtime's matter, and said to be", () =>
  withTls({}, async ({ listener, listeners }) => {
    const options = { keepalive: 0, sockets: { dscp: 10 } };
    await rejects(listeners.bind({ host: LOOPBACK, port: 0 }, options), { code: "EINVAL" });
    throws(() => listener.change(listener.address as TcpAddress, options), { code: "EINVAL" });
  }));

test("those who have not agreed on TLS yet are reset when the listener closes, and others go on", () =>
  withTls({}, async ({ engine, listener, port }) => {
    const served = await dialTls(port);
    await send(served, "a");
    equal(await readText(served, 1), "a");
    const silent = await runtime.connect({ to: { host: LOOPBACK, port } });
    await send(silent, "\x16\x03\x01"); // the beginning of a ClientHello
    const closing = listener.close();
    equal(await ending(silent), "ECONNRESET");
    void closing;
    equal(engine.clients.length, 1);
  }));

test("a client that was received by a former service comes to the pool that it was led to, or to none", () => {
  const [one, two] = [{}, {}] as [Pool, Pool]; // their names are enough for this engine
  const passing = { terminates: [false, false], rules: { routes: [{ names: ["a.test"], alpn: [] }, NAMELESS] } };
  const hello = clientHello({ serverName: "a.test" });
  return withTls({ ...passing, pools: [one, two], threads: 1 }, async ({ engine, port, serve }) => {
    const poolOf = ({ header }: HandedOver) => {
      const { pools, rules } = engine.services.at(-1)!;
      return pools[innerRoute(header.told.custom, rules.secret!)];
    };
    const connect = () => runtime.connect({ to: { host: LOOPBACK, port } });
    /** Of one that has come before the change, and says only then where it wants to go. */
    const led = async (pools: readonly Pool[]) => {
      const [late, early] = [await connect(), await connect()];
      await early.write(hello);
      await until("the engine has the one that came last", () => engine.clients.length === 1);
      await serve({ ...passing, pools });
      await late.write(hello);
      await until("the engine has the other one", () => engine.clients.length === 2);
      early.abort();
      late.abort();
      return engine.clients.splice(0).map(poolOf);
    };
    equal((await led([two, one]))[1], one);
    equal((await led([two, one]))[1], two);
    equal((await led([one, one]))[1], null);
  });
});
