/** The control channel over real sockets of the runtime at hand, plain and with TLS. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { runtime } from "#runtime";
import { ControlClient, type ControlClientEvents, type ControlClientOptions } from "../../src/control/client/client.ts";
import { parseKey } from "../../src/control/keys/key.ts";
import { MAX_LINE } from "../../src/control/protocol/hello.ts";
import type { ControlServerOptions } from "../../src/control/server/server.ts";
import { LineChannel } from "../../src/net/line-channel.ts";
import type { TcpAddress } from "../../src/net/runtime.ts";
import { systemClock } from "../../src/util/clock.ts";
import type { EventOf } from "../../src/util/emitter.ts";
import { ca, certificate } from "../support/certificates.ts";
import { settle, until } from "../support/wait.ts";
import { KEY, RawReporter } from "./harness.ts";
import { serveControl } from "./serve.ts";

const noTls = runtime.can.tls ? {} : { skip: "this runtime adapter cannot do TLS here" };

function report(to: TcpAddress, port: number, options: Partial<ControlClientOptions> = {}) {
  const events: EventOf<ControlClientEvents>[] = [];
  const client = new ControlClient({
    runtime,
    to,
    tls: null,
    key: () => KEY,
    targets: [{ pool: "default", port, weight: 500, health: "up", drain: false }],
    ack: 60_000,
    software: "test",
    onEvent: (...event) => void events.push(event),
    ...options,
  });
  client.start();
  return { client, events };
}

describe(`the control channel on ${runtime.name}`, () => {
  it("registers, notices a crash by a probe, drains and leaves", async () => {
    const { server, pool, address } = await serveControl();
    const target = await runtime.listen({ host: "127.0.0.1", port: 0 }, (connection) => void connection.close());
    const { port } = target.address;
    const first = report(address, port);
    await until("the target to be up", () => pool.targets()[0]?.state === "up");
    assert.deepEqual(pool.targets()[0]?.address, { host: "127.0.0.1", port });
    await target.close();
    await first.client.close();
    await until("the target to be down", () => pool.targets()[0]?.state === "down");
    const second = report(address, port);
    await until("the target to be back", () => pool.targets()[0]?.state === "suspect");
    assert.equal(await second.client.drain(5_000), 0);
    assert.equal(pool.targets()[0]?.state, "draining");
    await second.client.leave();
    assert.deepEqual(pool.targets(), []);
    await server.close();
  });

  it("says goodbye and is found again on the same port", async () => {
    const { server, address } = await serveControl();
    const { client, events } = report(address, 9);
    await until("the event registered", () => events.some(([name]) => name === "registered"));
    await server.close();
    await until("the event goodbye", () => events.some(([name]) => name === "goodbye"));
    const again = await serveControl({ admin: [address] });
    await until("the target", () => again.pool.targets().length === 1);
    await client.leave();
    await again.server.close();
  });

  it("sends the reason even to a reporter that is still sending", async () => {
    const { server, address } = await serveControl();
    const raw = new RawReporter(new LineChannel(await runtime.connect({ to: address }), MAX_LINE), {
      clock: systemClock,
      wall: Date.now(),
    });
    await raw.handshake(KEY);
    // A balancer that closed at once would reset the connection, and the answer could be lost with it.
    for (let piece = 0; piece < 20; piece += 1) {
      await raw.channel.connection.write(new Uint8Array(10_000).fill(0x78));
      await settle(5);
    }
    const answer = await raw.hear();
    assert.ok(answer?.t === "goodbye" && answer.code === "LINE_TOO_LONG", JSON.stringify(answer));
    await raw.close();
    await server.close();
  });

  it("binds every address or none, and says which is taken", async () => {
    const { server, address } = await serveControl();
    const free = await runtime.listen({ host: "127.0.0.1", port: 0 }, (connection) => connection.abort());
    await free.close();
    await assert.rejects(serveControl({ admin: [free.address, address] }), { code: "EADDRINUSE" });
    const again = await runtime.listen({ host: "127.0.0.1", port: free.address.port }, (connection) =>
      connection.abort(),
    );
    await again.close();
    await server.close();
  });

  it("refuses a wrong key over TLS as well, and takes the right one", noTls, async () => {
    const { server, pool, address } = await serveControl({ adminTls: certificate });
    const secure = { tls: { ca, serverName: "localhost" } };
    const wrong = report(address, 9, { ...secure, key: () => parseKey("web:the wrong secret", "test") });
    await until("rejected BAD_KEY", () =>
      wrong.events.some((event) => event[0] === "rejected" && event[1].code === "BAD_KEY"),
    );
    const right = report(address, 9, secure);
    await until("the target", () => pool.targets().length === 1);
    await Promise.all([wrong.client.close(), right.client.leave()]);
    assert.deepEqual(pool.targets(), []);
    await server.close();
  });

  it("does not trust a certificate that the pinned authority has not signed", noTls, async () => {
    const { server, pool, address } = await serveControl({ adminTls: certificate });
    const { client, events } = report(address, 9, { tls: { serverName: "localhost" } });
    await until("an event", () => events.length > 0);
    assert.ok(events[0]?.[0] === "lost" && events[0][1].code === "ETLS", JSON.stringify(events));
    assert.match(events[0][1].reason, /\(--tls-ca says which certificates are trusted, /);
    assert.deepEqual(pool.targets(), []);
    await client.close();
    await server.close();
  });

  it("tells both sides which flag to change where one speaks TLS and the other does not", noTls, async () => {
    const rejections: string[] = [];
    const onEvent: ControlServerOptions["onEvent"] = (...event) => {
      if (event[0] === "rejected") rejections.push(`${event[1].who.split(":")[0]} ${event[1].code} ${event[1].why}`);
    };
    const secure = await serveControl({ adminTls: certificate, onEvent });
    const plain = await serveControl({ onEvent });
    const one = report(secure.address, 9);
    const two = report(plain.address, 9, { tls: { ca, serverName: "localhost" } });
    await until("an event from both", () => one.events.length > 0 && two.events.length > 0);
    const trouble = (events: typeof one.events) => JSON.stringify(events[0]);
    assert.match(trouble(one.events), /"lost".*TLS_ONLY.* speaks TLS: start the reporter with --tls/);
    assert.match(trouble(two.events), /"lost".*NO_TLS.* does not speak TLS: start the reporter without --tls/);
    await until("a word of both balancers", () => rejections.length === 2);
    const [noTls, tlsOnly] = rejections.sort();
    assert.match(noTls!, /^127\.0\.0\.1 NO_TLS it speaks TLS and this admin port does not: start it without --tls/);
    assert.match(
      tlsOnly!,
      /^127\.0\.0\.1 TLS_ONLY it does not speak TLS and this admin port does: start it with --tls/,
    );
    const right = report(plain.address, 9);
    await until("the target", () => plain.pool.targets().length === 1);
    await Promise.all([one, two, right].map(({ client }) => client.close()));
    await Promise.all([secure.server.close(), plain.server.close()]);
  });
});
