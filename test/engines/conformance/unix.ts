/** Clients that come over a Unix socket, which have no addresses, and targets at one. */
import assert from "node:assert/strict";
import { existsSync, lstatSync } from "node:fs";
import { it } from "node:test";
import type { UnixListenAddress } from "../../../src/net/runtime.ts";
import { answerer, echo } from "../../support/peers.ts";
import { ANY_PORT } from "../../support/ports.ts";
import { readText } from "../../support/stream.ts";
import { standstill } from "../../support/wait.ts";
import type { Host } from "../host.ts";
import { inLab, UNAVAILABLE } from "../lab.ts";

const NOBODY = { host: "", port: 0 };

export function unix(host: Host): void {
  const noPath = host.socketPath === null ? "it cannot listen on Unix sockets here" : false;
  const noFile = noPath || (host.runtime.name === "memory" ? "its Unix sockets are no files" : false);
  const place = (): UnixListenAddress => ({ path: host.socketPath!(), mode: 0o600, owner: null, group: null });
  const noUnix = host.runtime.can.unix ? false : "no Unix sockets here";

  it("serves clients of a Unix socket, whose file goes with its listener", { skip: noPath }, () =>
    inLab(host, {}, async (lab) => {
      const where = place();
      await lab.target("one", echo);
      const listener = await lab.front.listen(where);
      assert.deepEqual({ ...listener.address }, { path: where.path });
      assert.equal(lstatSync(where.path).mode & 0o777, 0o600);
      const client = await lab.client(where);
      await client.write(Buffer.from("over a file"));
      await client.closeWrite();
      assert.equal(await readText(client), "over a file");
      const [record] = await lab.recorded(1);
      assert.deepEqual([{ ...record!.client }, record!.bytesIn, record!.bytesOut], [NOBODY, 11, 11]);
      await listener.close();
      assert.equal(existsSync(where.path), false);
      await assert.rejects(lab.client(where), { code: "ENOENT" });
    }),
  );

  it("gives its file another mode while it is served", { skip: noFile }, () =>
    inLab(host, {}, async (lab) => {
      const where = place();
      await lab.target("one", answerer("one"));
      const listener = await lab.front.listen(where);
      listener.change({ ...where, mode: 0o620 }, { keepalive: 0 });
      assert.equal(lstatSync(where.path).mode & 0o777, 0o620);
      assert.equal(await lab.ask(where), "one");
      await lab.recorded(1);
    }),
  );

  it("tells them that there is no target", { skip: noPath }, () => {
    const where = place();
    return inLab(host, { listen: [ANY_PORT, where] }, async (lab) => {
      const client = await lab.client(where);
      assert.equal(await readText(client), UNAVAILABLE);
      await client.close();
      assert.equal((await lab.recorded(1))[0]!.cause, "no-targets");
    });
  });

  it("does not keep all of them on one target (persistent, hash)", { skip: noPath }, async () => {
    const where = place();
    for (const pool of [{ persistent: 60_000, algorithm: "roundrobin" }, { algorithm: "hash" }] as const) {
      await inLab(host, { listen: [where], pool }, async (lab) => {
        for (const name of ["a", "b"]) await lab.target(name, answerer(name));
        const seen = new Set<string>();
        for (let i = 0; i < 40 && seen.size < 2; i++) seen.add(await lab.ask(where));
        assert.deepEqual([...seen].sort(), ["a", "b"]);
      });
    }
  });

  it("is refused where another one listens", { skip: noPath }, () => {
    const where = place();
    return inLab(host, { listen: [where] }, async (lab) => {
      await assert.rejects(lab.engine.bind(where, { keepalive: 0 }), { name: "NetError", code: "EADDRINUSE" });
      // It was looked at, which leaves records.
      lab.strangers(await standstill("the looks", () => lab.records.length));
      await lab.target("one", answerer("one"));
      assert.equal(await lab.ask(where), "one");
    });
  });

  it("reaches targets on Unix sockets, and goes on to the next where that is gone", { skip: noUnix }, async () => {
    const server = await host.unixServer("unix");
    try {
      await inLab(host, {}, async (lab) => {
        lab.announce("unix", server.address);
        assert.equal(await lab.ask(), "unix");
        await server.close();
        await lab.target("next", answerer("next"), { weight: 1 });
        assert.equal(await lab.ask(), "next");
        const record = (await lab.recorded(2)).find(({ target }) => target === "next");
        assert.deepEqual(record!.tried, [{ target: "unix", code: "ENOENT" }]);
        assert.equal(lab.view("unix").state, "suspect");
      });
    } finally {
      await server.close();
    }
  });
}
