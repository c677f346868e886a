/** TLS listeners while handshakes are under way: peers that have not proved anything yet. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Connection, Listener, Runtime } from "../../src/net/runtime.ts";
import { deferred } from "../../src/util/deferred.ts";
import { PreAuthLimit } from "../../src/util/pre-auth-limit.ts";
import { ca, certificate } from "../support/certificates.ts";
import { descriptors } from "../support/descriptors.ts";
import { LOOPBACK } from "../support/ports.ts";
import { readExactly, show, text } from "../support/stream.ts";
import { standstill, until, within } from "../support/wait.ts";
import { keptAlive } from "./suite-peers.ts";

/** ms. Nothing here may wait for it. */
const HANDSHAKE_TIMEOUT = 60_000;
/** Few, so that a small crowd fills them. */
const PLACES = 8;

export function handshakesSuite(runtime: Runtime): void {
  describe("TLS handshakes under way", { skip: runtime.can.tls ? false : "no TLS there" }, () => {
    let listener: Listener;
    let accepted = deferred<Connection>();

    before(async () => {
      const strangers = new PreAuthLimit(PLACES);
      const options = { host: LOOPBACK, port: 0, tls: certificate, handshakeTimeout: HANDSHAKE_TIMEOUT, strangers };
      listener = await runtime.listen(options, (connection) => accepted.resolve(connection));
    });
    after(() => listener.close());

    const knock = (): Promise<Connection> => within("connecting", runtime.connect({ to: listener.address }));

    async function pair(): Promise<{ client: Connection; server: Connection }> {
      accepted = deferred();
      const client = await within("the handshake", runtime.connect({ to: listener.address, tls: { ca } }));
      return { client, server: await within("accepting", accepted.promise) };
    }

    it("are few: the oldest goes, and the newest is served", async () => {
      const crowd: Connection[] = [];
      const dropped = new Set<number>();
      const count = PLACES * 5;
      for (let i = 0; i < count; i++) {
        const connection = await knock();
        crowd.push(connection);
        const gone = (): unknown => dropped.add(i);
        connection.readable().then(gone, gone);
      }
      await standstill("the number of those dropped", () => dropped.size);
      const oldest = Array.from({ length: count - PLACES }, (_, i) => i);
      assert.deepEqual(
        [...dropped].sort((a, b) => a - b),
        oldest,
      );
      const { client, server } = await pair();
      await client.write(text("sealed"));
      assert.equal(show(await readExactly(server, 6)), "sealed");
      for (const connection of [...crowd, client, server]) connection.abort();
    });

    it("end when the peer leaves, by FIN or by reset", async () => {
      const before = descriptors();
      for (const leave of ["closeWrite", "abort"] as const) {
        const connection = await knock();
        await new Promise((resolve) => setTimeout(resolve, 20)); // accepted, as a rule: either order must do
        await connection[leave]();
        if (leave === "closeWrite")
          await within(
            "being dropped",
            connection.readable().catch(() => undefined),
          );
        connection.abort();
      }
      if (before !== null) await until("the peers' descriptors", () => descriptors()! <= before);
    });

    it("lead to connections that no longer count", async () => {
      const pairs = [];
      for (let i = 0; i < PLACES * 2; i++) pairs.push(await pair());
      for (const { client, server } of pairs) {
        await server.write(text("still here"));
        assert.equal(show(await readExactly(client, 10)), "still here");
        client.abort();
        server.abort();
      }
    });

    it("lead to connections that may answer after the peer's FIN", async () => {
      const { client, server } = await pair();
      await client.closeWrite();
      assert.equal(await within("FIN", server.read()), null);
      await server.write(text("late"));
      assert.equal(show(await readExactly(client, 4)), "late");
      client.abort();
      server.abort();
    });

    it("lead to connections with TCP keepalive on", {
      skip: process.platform === "linux" ? false : "no list of timers",
    }, async () => {
      const { client, server } = await pair();
      await keptAlive(client, "the connecting side");
      await keptAlive(server, "the accepting side");
      client.abort();
      server.abort();
    });
  });
}
