import assert from "node:assert/strict";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, it } from "node:test";
import type { Runtime } from "../../src/net/runtime.ts";
import { type BlackHole, openBlackHole } from "../support/black-hole.ts";
import { descriptors, sockets } from "../support/descriptors.ts";
import { removeFolders, temporaryFolder } from "../support/folder.ts";
import { withPair } from "../support/peers.ts";
import { closedAddress, hasIPv6, LOOPBACK } from "../support/ports.ts";
import { drain, readAll, show, text } from "../support/stream.ts";
import { settle, until, within } from "../support/wait.ts";

const refuse = (code: string) => ({ name: "NetError", code });
const ignore = (): void => {};

/** A signal that tells how many listeners it has. */
function watchListeners(): { signal: AbortSignal; count: () => number } {
  const { signal } = new AbortController();
  const added = new Set<unknown>();
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  Object.assign(signal, {
    addEventListener: (...args: Parameters<typeof add>) => {
      added.add(args[1]);
      add(...args);
    },
    removeEventListener: (...args: Parameters<typeof remove>) => {
      added.delete(args[1]);
      remove(...args);
    },
  });
  return { signal, count: () => added.size };
}

/** Accepts connections, and ends each when its peer does. */
async function countingListener(runtime: Runtime) {
  const counts = { accepted: 0, open: 0 };
  const listener = await runtime.listen({ host: LOOPBACK, port: 0 }, (connection) => {
    counts.accepted++;
    counts.open++;
    const end = drain(connection).then(
      () => connection.close(),
      () => connection.abort(),
    );
    void end.then(() => counts.open--);
  });
  return { counts, listener };
}

export function connectSuite(runtime: Runtime, unanswered: () => Promise<BlackHole>): void {
  describe("connect()", () => {
    it("says ECONNREFUSED, the address in its message and the native error as cause", async () => {
      const to = await closedAddress(runtime);
      await assert.rejects(within("refusal", runtime.connect({ to })), (error: Error & { code: string }) => {
        assert.equal(error.code, "ECONNREFUSED");
        assert.match(error.message, new RegExp(`127\\.0\\.0\\.1:${to.port}`));
        if (runtime.name !== "memory") assert.ok(error.cause instanceof Error);
        return true;
      });
    });

    it("says ENOTFOUND for a name that does not resolve", async () => {
      const to = { host: "harmony-test.invalid", port: 80 };
      await assert.rejects(within("DNS failure", runtime.connect({ to })), refuse("ENOTFOUND"));
    });

    it("says EINVAL for a port out of range", {
      skip: runtime.name === "memory" ? "not checked there" : false,
    }, async () => {
      await assert.rejects(runtime.connect({ to: { host: LOOPBACK, port: 70_000 } }), refuse("EINVAL"));
    });

    it("connects from an address of this machine that is named, or says EADDRNOTAVAIL", {
      skip:
        runtime.can.localAddress && process.platform === "linux" ? false : "not there, or with one loopback address",
    }, async () => {
      const seen: string[] = [];
      const listener = await runtime.listen({ host: LOOPBACK, port: 0 }, (connection) => {
        seen.push(connection.remote.host);
        void connection.close();
      });
      const to = listener.address;
      for (const from of ["127.0.0.2", "127.0.0.3", undefined]) {
        const client = await within("connecting", runtime.connect({ to, from }));
        assert.equal(await within("FIN", client.read()), null);
        assert.equal(client.local.host, from ?? LOOPBACK);
        await client.close();
      }
      assert.deepEqual(seen, ["127.0.0.2", "127.0.0.3", LOOPBACK]);
      await assert.rejects(runtime.connect({ to, from: "192.0.2.99" }), refuse("EADDRNOTAVAIL"));
      await listener.close();
    });

    it("resolves names", async () => {
      const listener = await runtime.listen({ port: 0 }, (connection) => void connection.close());
      const to = { host: "localhost", port: listener.address.port };
      const client = await within("connecting to localhost", runtime.connect({ to }));
      assert.equal(await within("FIN", client.read()), null);
      await client.close();
      await listener.close();
    });

    it("gives up before it began", async () => {
      const to = await closedAddress(runtime);
      await assert.rejects(runtime.connect({ to, signal: AbortSignal.abort() }), refuse("EABORTED"));
    });

    it("gives up at once while nobody answers, and leaves nothing open", async () => {
      const hole = await unanswered();
      try {
        const before = descriptors() === null ? null : sockets();
        const controller = new AbortController();
        const attempt = runtime.connect({ to: hole.address, signal: controller.signal });
        const outcome = assert.rejects(within("giving up", attempt, 2_000), refuse("EABORTED"));
        await settle(1); // let it begin
        controller.abort();
        await outcome;
        const left = (): string[] => [...sockets()].filter((socket) => !before?.has(socket));
        if (before !== null) await until("the socket's end", () => left().length === 0, 3_000);
      } finally {
        await hole.close();
      }
    });

    it("leaves nothing open for ever where a late answer cannot be cancelled", {
      skip: runtime.can.cancel ? "every attempt can be cancelled" : false,
    }, async () => {
      const hole = await openBlackHole(runtime); // this runtime has filled it: the address has answered
      try {
        const before = descriptors();
        const attempts = Array.from({ length: 3 }, () => {
          const attempt = runtime.connect({ to: hole.address, signal: AbortSignal.timeout(50) });
          return assert.rejects(within("giving up", attempt, 2_000), refuse("EABORTED"));
        });
        await Promise.all(attempts);
        hole.open(); // the kernel tries again within seconds, and the late answers come
        if (before !== null) await until("the descriptors' end", () => descriptors()! <= before, 20_000);
      } finally {
        await hole.close();
      }
    });

    it("can be given a deadline against a full backlog", async () => {
      const hole = await unanswered();
      try {
        const attempt = runtime.connect({ to: hole.address, signal: AbortSignal.timeout(200) });
        const started = Date.now();
        await assert.rejects(within("the deadline", attempt, 3_000), refuse("EABORTED"));
        assert.ok(Date.now() - started >= 150, "it waited for the deadline");
      } finally {
        await hole.close();
      }
    });

    it("ignores a signal that fires later", () =>
      withPair(runtime, async ({ listener }) => {
        const controller = new AbortController();
        const client = await runtime.connect({ to: listener.address, signal: controller.signal });
        controller.abort();
        await client.write(text("x"));
        await client.close();
      }));

    it("leaves no listener on its signal, whether it succeeds or not", () =>
      withPair(runtime, async ({ listener }) => {
        const listening = watchListeners();
        for (let i = 0; i < 3; i++) {
          const client = await runtime.connect({ to: listener.address, signal: listening.signal });
          assert.equal(listening.count(), 0, "after a connection");
          await client.close();
          const refused = runtime.connect({ to: await closedAddress(runtime), signal: listening.signal });
          await assert.rejects(refused, refuse("ECONNREFUSED"));
          assert.equal(listening.count(), 0, "after a failure");
        }
      }));

    it("keeps no connection that was given up at the moment when it came about", async () => {
      const { counts, listener } = await countingListener(runtime);
      const to = listener.address;
      await (await runtime.connect({ to })).close(); // it has answered: a runtime may connect in another way now
      for (let i = 0; i < 5; i++) {
        const controller = new AbortController();
        const attempt = runtime.connect({ to, signal: controller.signal });
        const outcome = assert.rejects(attempt, refuse("EABORTED"));
        await (i === 0 ? undefined : Promise.resolve());
        controller.abort();
        await outcome;
      }
      const last = await runtime.connect({ to });
      await until("the end of those that were given up", () => counts.accepted > 1 && counts.open === 1);
      await last.close();
      await until("the last one's end", () => counts.open === 0);
      await listener.close();
    });

    it("keeps no connection that comes about in the turn in which it is given up", async () => {
      const { counts, listener } = await countingListener(runtime);
      const to = listener.address;
      for (let round = 1; round <= 10; round++) {
        const controller = new AbortController();
        const dial = (): Promise<void> => runtime.connect({ to, signal: controller.signal }).then((c) => c.close());
        const dials = Promise.allSettled(Array.from({ length: 50 }, dial));
        setTimeout(() => controller.abort(), round % 3);
        // By the next turn the timer has come and the kernel has made connections, in whichever order the runtime looks at them.
        for (const begun = performance.now(); performance.now() - begun < 3; );
        await dials;
        await until("the end of all that were accepted", () => counts.accepted >= round && counts.open === 0);
      }
      await listener.close();
      assert.equal(counts.open, 0);
    });

    const noFiles = runtime.can.unix && runtime.name !== "memory" ? false : "no Unix sockets with files there";
    it("reaches Unix sockets", { skip: noFiles }, async () => {
      const path = join(temporaryFolder("net"), "a.sock");
      const server = createServer((socket) => socket.end("from a file"));
      await new Promise<void>((resolve) => server.listen(path, resolve));
      try {
        const client = await within("connecting", runtime.connect({ to: { path } }));
        assert.deepEqual({ ...client.remote }, { host: "", port: 0 });
        assert.equal(show(await readAll(client)), "from a file");
        await client.close();
      } finally {
        server.close();
      }
      removeFolders();
      await assert.rejects(runtime.connect({ to: { path } }), refuse("ENOENT"));
    });
  });

  describe("listen()", () => {
    it("says EADDRINUSE with the address", async () => {
      const listener = await runtime.listen({ host: LOOPBACK, port: 0 }, ignore);
      const again = runtime.listen({ host: LOOPBACK, port: listener.address.port }, ignore);
      await assert.rejects(again, (error: Error & { code: string }) => {
        assert.equal(error.code, "EADDRINUSE");
        assert.match(error.message, new RegExp(`127\\.0\\.0\\.1:${listener.address.port}`));
        return true;
      });
      await assert.rejects(runtime.listen({ port: listener.address.port }, ignore), refuse("EADDRINUSE"));
      await listener.close();
    });

    it("says EADDRNOTAVAIL for an address of another host", {
      skip: runtime.name === "memory" ? "has every address" : false,
    }, async () => {
      await assert.rejects(runtime.listen({ host: "192.0.2.1", port: 0 }, ignore), refuse("EADDRNOTAVAIL"));
    });

    it("says ENOTFOUND for a name that does not resolve", async () => {
      await assert.rejects(runtime.listen({ host: "harmony-test.invalid", port: 0 }, ignore), refuse("ENOTFOUND"));
    });

    it("takes IPv4 and IPv6 on every interface, and names IPv4 peers as such", async () => {
      const hosts = hasIPv6 ? [LOOPBACK, "::1"] : [LOOPBACK];
      const seen: string[] = [];
      const listener = await runtime.listen({ port: 0 }, (connection) => {
        seen.push(connection.remote.host);
        assert.equal(connection.local.host, connection.remote.host === LOOPBACK ? LOOPBACK : "::1");
        void connection.close();
      });
      for (const host of hosts) {
        const client = await within(host, runtime.connect({ to: { host, port: listener.address.port } }));
        assert.equal(client.remote.host, host);
        assert.equal(await within("FIN", client.read()), null);
        await client.close();
      }
      await listener.close();
      assert.deepEqual(seen, hosts);
    });

    it("speaks IPv6 alone on an IPv6 address", { skip: hasIPv6 ? false : "no IPv6 here" }, () =>
      withPair(
        runtime,
        async ({ client, server }) => {
          await client.write(text("six"));
          await client.close();
          assert.equal(show(await readAll(server)), "six");
        },
        "::1",
      ),
    );

    it("close() frees the port, leaves connections alone, and may be repeated", () =>
      withPair(runtime, async ({ listener, client, server }) => {
        await within("close", Promise.all([listener.close(), listener.close()]));
        const { port } = listener.address;
        await assert.rejects(runtime.connect({ to: { host: LOOPBACK, port } }), refuse("ECONNREFUSED"));
        const again = await runtime.listen({ host: LOOPBACK, port }, ignore);
        assert.equal(again.address.port, port);
        await again.close();
        await client.write(text("still here"));
        await client.closeWrite();
        assert.equal(show(await readAll(server)), "still here");
      }));
  });
}
