/** What runs goes from one document to another: nothing that stays is touched, and what fails changes nothing. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { poolViews } from "../../src/app/views.ts";
import type { ListenerSettings } from "../../src/config/settings.ts";
import type { Pool } from "../../src/pool/pool.ts";
import { deferred } from "../../src/util/deferred.ts";
import { settle, within } from "../support/wait.ts";
import { at, documentOf, listener, pool, target, World } from "./services-world.ts";

const two = documentOf({ web: pool(), db: pool() }, { web: listener("web", 80, 443), db: listener("db", 5432) });

/** At a port, then at a Unix socket of that owner. */
function overUnix(owner: string): ListenerSettings {
  const socket = { path: "/run/web.sock", mode: 0o660, owner, group: null };
  return { ...listener("web"), listen: [at(80), socket] };
}

describe("another document", () => {
  it("leaves the sockets and pools that stay as they are", async () => {
    const world = await World.start(two);
    const sockets = [...world.engine.listeners.values()];
    const pools = [...world.services.pools.values()];
    const more = documentOf(
      { web: pool(), db: pool(), cache: pool() },
      { web: listener("web", 80, 443), db: listener("db", 5432), cache: listener("cache", 6379) },
    );
    const looked = world.engine.looked.length;
    await world.document.apply(more);
    assert.deepEqual([...world.engine.listeners.values()].slice(0, 3), sockets);
    assert.deepEqual([...world.services.pools.values()].slice(0, 2), pools);
    assert.equal(world.engine.changed.length, 0, "no pool was told of a change");
    assert.equal(world.engine.looked.length, looked, "nobody was woken");
    assert.equal(world.state.sockets.get("127.0.0.1:6379"), "cache");
    const where = world.services.listeners.map(({ listener: name, pool: own, address }) => [name, own, address]);
    assert.deepEqual(where.at(-1), ["cache", "cache", { host: "127.0.0.1", port: 6379 }]);
  });

  it("gives a socket to another pool without closing it, whatever its listener is called", async () => {
    const world = await World.start(two);
    const socket = world.engine.listeners.get("127.0.0.1:443");
    await world.document.apply(
      documentOf({ web: pool(), db: pool() }, { web: listener("web", 80), tls: listener("db", 443, 5432) }),
    );
    assert.equal(world.engine.listeners.get("127.0.0.1:443"), socket);
    assert.equal(world.state.sockets.get("127.0.0.1:443"), "db");
  });

  it("gives a socket to a new pool once that has its targets", async () => {
    const world = await World.start(two);
    const found: unknown[] = [];
    world.engine.listeners.get("127.0.0.1:443")!.serve = async (service) => {
      const { name } = (service as Pool).options;
      found.push(name, world.targets.get(name));
    };
    await world.document.apply(
      documentOf(
        { web: pool(), db: pool(), api: pool({ targets: [target(1)] }) },
        { web: listener("web", 80), db: listener("db", 5432), api: listener("api", 443) },
      ),
    );
    assert.deepEqual(found, ["api", [target(1)]]);
  });

  it("lets a pool go once nobody comes to it any more", async () => {
    const world = await World.start(two);
    const moved = deferred<void>();
    world.engine.listeners.get("127.0.0.1:5432")!.serve = () => moved.promise;
    const applied = world.document.apply(documentOf({ web: pool() }, { web: listener("web", 80, 443, 5432) }));
    await settle();
    assert.deepEqual(world.gone, []);
    moved.resolve();
    world.engine.listeners.get("127.0.0.1:5432")!.pool = world.services.pools.get("web")!;
    await applied;
    assert.deepEqual(world.gone, ["db"]);
  });

  it("is in force though a socket that goes does not close as it should, which is told", async () => {
    const world = await World.start(two);
    const socket = world.engine.listeners.get("127.0.0.1:5432")!;
    const close = socket.close.bind(socket);
    socket.close = () => close().then(() => Promise.reject(new Error("stuck")));
    const warnings: string[] = [];
    world.onWarning = (message) => warnings.push(message);
    const steps = await world.document.apply(documentOf({ web: pool() }, { web: listener("web", 80, 443) }));
    assert.equal(steps.length, 2);
    assert.deepEqual([...world.services.pools.keys()], ["web"]);
    assert.deepEqual(world.gone, ["db"]);
    assert.equal(warnings.length, 1);
  });

  it("keeps a free port that the same entry asks for", async () => {
    const free = documentOf({ web: pool() }, { web: listener("web", 0, 0) });
    const world = await World.start(free);
    const before = world.state;
    await world.document.apply({ ...free, listeners: new Map([["web", listener("web", 0, 0, 80)]]) });
    for (const [address, name] of before.sockets) assert.equal(world.state.sockets.get(address), name);
    assert.equal(world.state.sockets.size, 3);
  });

  it("changes a pool in place, and tells the engine of that one alone", async () => {
    const world = await World.start(two);
    const web = world.services.pools.get("web")!;
    const other = { web: pool({ concurrency: 7, connectTimeout: 1 }), db: pool({ targets: [target(1)] }) };
    await world.document.apply({ ...two, pools: new Map(Object.entries(other)) });
    assert.equal(world.services.pools.get("web"), web);
    assert.equal(world.engine.pools.get(web)?.connectTimeout, 1);
    assert.deepEqual(world.targets.get("db"), [target(1)]);
    assert.ok(world.engine.looked.includes(web));
  });

  it("changes sockets in place: keepalive, mode and owner", async () => {
    const world = await World.start(documentOf({ web: pool() }, { web: overUnix("www") }));
    const sockets = [...world.engine.listeners.values()];
    const other = { ...overUnix("root"), keepalive: 7_000 };
    await world.document.apply(documentOf({ web: pool() }, { web: other }));
    assert.deepEqual([...world.engine.listeners.values()], sockets);
    assert.deepEqual(
      sockets.map(({ where, keepalive }) => [where, keepalive]),
      other.listen.map((where) => [where, 7_000]),
    );
  });

  it("keeps a limit that was ordered while the document says nothing else of it", async () => {
    const world = await World.start(two);
    world.services.setConcurrency(3, "web");
    await world.document.apply({ ...two, pools: new Map(Object.entries({ web: pool({ requeue: 5 }), db: pool() })) });
    const looked = world.engine.looked.length;
    world.services.setConcurrency(4, "web");
    assert.equal(world.engine.looked.length, looked + 1, "who waits may go on");
    assert.throws(() => world.services.setConcurrency(3, "wbe"), { code: "UNKNOWN_POOL" });
  });

  it("lets a pool that is gone finish its connections, while another one of its name begins", async () => {
    const world = await World.start(two);
    const former = world.services.pools.get("db")!;
    await world.document.apply(documentOf({ web: pool() }, { web: listener("web", 80, 443) }));
    assert.deepEqual(world.gone, ["db"]);
    assert.equal(world.engine.listeners.has("127.0.0.1:5432"), false);
    assert.ok(world.engine.leaving.has(former));
    await world.document.apply(two);
    assert.notEqual(world.services.pools.get("db"), former);
    assert.ok(world.engine.leaving.has(former));
  });

  it("holds clients of a new pool until its first target has had time to come", async () => {
    const world = await World.start(documentOf({ web: pool() }, { web: listener("web", 80) }));
    await world.document.apply(
      documentOf({ web: pool(), db: pool({ startHold: 100 }) }, { web: listener("web", 80), db: listener("db", 5432) }),
    );
    const looked = world.engine.looked.length;
    assert.equal(world.clock.pending, 1);
    world.clock.advance(100);
    assert.equal(world.engine.looked.length, looked + 1);
    assert.equal(world.clock.pending, 0);
  });

  it("shows no pool any more that is going, while its listener still takes who is connected already", async () => {
    const world = await World.start(two);
    const socket = world.engine.listeners.get("127.0.0.1:5432")!;
    const [closed, taken] = [deferred<void>(), deferred<void>()];
    socket.close = () => {
      closed.resolve();
      socket.pool = null;
      return taken.promise;
    };
    const next = documentOf({ web: pool(), api: pool() }, { web: listener("web", 80, 443), api: listener("api", 81) });
    const applied = world.document.apply(next);
    await within("the listener to be closed", closed.promise);
    const shown = poolViews(world.services, world.document).map(({ name, origin, options }) => [name, origin, options]);
    assert.deepEqual(shown, [
      ["web", "defined", pool()],
      ["api", "defined", pool()],
    ]);
    taken.resolve();
    await applied;
  });

  it("sets no timer any more once it is closed", async () => {
    const world = await World.start(documentOf({ web: pool({ startHold: 100 }) }, { web: listener("web", 80) }));
    world.services.close();
    assert.equal(world.clock.pending, 0);
  });
});

describe("a document that cannot be carried out", () => {
  it("changes nothing, as the balancer has been closed meanwhile", async () => {
    const world = await World.start(two);
    const before = world.state;
    const next = documentOf({ web: pool({ targets: [target(1)] }) }, { web: listener("web", 80, 81) });
    const [begun, waiting] = [world.document.apply(next), world.document.apply({ ...two, pools: next.pools })];
    await Promise.resolve();
    world.services.close();
    await assert.rejects(begun, { code: "CLOSED" });
    await assert.rejects(waiting, { code: "CLOSED" });
    assert.deepEqual(world.state, before);
  });

  it("changes nothing, wherever the taken port is", async () => {
    const world = await World.start(two);
    const before = world.state;
    const sockets = new Map(world.engine.listeners);
    world.engine.taken.add("127.0.0.1:6379");
    const next = documentOf(
      { web: pool({ concurrency: 1 }), cache: pool() },
      { web: listener("web", 80, 81), cache: listener("cache", 6378, 6379) },
    );
    await assert.rejects(world.document.apply(next), { code: "EADDRINUSE" });
    assert.deepEqual(world.state, before);
    assert.deepEqual(world.engine.listeners, sockets);
    assert.deepEqual(world.document.settings, two);
    world.engine.taken.clear();
    await world.document.apply(next);
    assert.equal(world.state.sockets.get("127.0.0.1:6379"), "cache");
  });

  it("says so where the balancer itself is in its way: nobody can have all interfaces and one of them", async () => {
    const world = await World.start(two);
    const all = { ...listener("db"), listen: [{ host: "", port: 5432 }] };
    const next = documentOf({ web: pool(), db: pool() }, { web: listener("web", 80, 443), db: all });
    await assert.rejects(world.document.apply(next), {
      code: "EADDRINUSE",
      message: /by listener db of this balancer/,
    });
    assert.equal(world.state.sockets.get("127.0.0.1:5432"), "db");
  });

  it("sets no sockets to targets that speak TLS, and says whose", async () => {
    const targetTls = { ca: null, verify: true, name: null, certificate: null, alpn: [] };
    const world = await World.start(two);
    const before = world.state;
    const next = documentOf({ web: pool({ targetTls, targetDscp: 8 }), db: pool() }, Object.fromEntries(two.listeners));
    await assert.rejects(world.document.apply(next), {
      code: "EINVAL",
      message: /^pool "web" with target-tls: .* without dscp$/,
    });
    assert.deepEqual(world.state, before);
    await world.document.apply(documentOf({ web: pool({ targetTls }), db: pool() }, Object.fromEntries(two.listeners)));
  });

  it("takes back what sockets have changed already", async () => {
    const first = documentOf({ web: pool() }, { web: overUnix("www") });
    const world = await World.start(first);
    const before = world.state;
    const next = documentOf({ web: pool({ concurrency: 7 }) }, { web: { ...overUnix("nobody"), keepalive: 7_000 } });
    await assert.rejects(world.document.apply(next), { code: "EINVAL" });
    assert.deepEqual(world.state, before);
    assert.deepEqual(world.document.settings, first);
  });

  it("blames no listener of the balancer for a port that another program has at another address", async () => {
    const world = await World.start(two);
    world.engine.taken.add("127.0.0.2:5432");
    const other = { ...listener("db"), listen: [at(5432), { host: "127.0.0.2", port: 5432 }] };
    const next = documentOf({ web: pool(), db: pool() }, { web: listener("web", 80, 443), db: other });
    await assert.rejects(world.document.apply(next), { code: "EADDRINUSE", message: /already in use$/ });
  });

  it("takes back what pools have changed already", async () => {
    const world = await World.start(two);
    world.services.setConcurrency(3, "web");
    const before = world.state;
    const next = { web: pool({ concurrency: 7 }), db: pool({ concurrency: 7 }), cache: pool() };
    const listeners = { web: listener("web", 80), db: listener("db", 5432), cache: listener("cache", 6379) };
    world.services.pools.get("db")!.change = () => {
      throw new RangeError("no memory is left");
    };
    await assert.rejects(world.document.apply(documentOf(next, listeners)), RangeError);
    assert.deepEqual(world.state, before);
  });
});

describe("what a reporter brings", () => {
  const cache = { listen: [{ host: "127.0.0.1", port: 6379 }], options: { queue: 3 } };

  it("is served beside the document until it is let go", async () => {
    const world = await World.start(two);
    await world.document.bring("cache", cache);
    assert.equal(world.state.sockets.get("127.0.0.1:6379"), "cache");
    assert.equal(world.services.state.pools.get("cache")?.queue, 3);
    await world.document.apply(two);
    assert.equal(world.state.sockets.get("127.0.0.1:6379"), "cache", "a reload leaves it alone");
    await world.document.letGo(new Map([["web", []]]));
    assert.deepEqual(world.state.pools, ["cache", "db", "web"], "what the document defines is not to be let go");
    await world.document.letGo(new Map([["cache", []]]));
    assert.deepEqual([world.state.pools, world.gone], [["db", "web"], ["cache"]]);
  });

  it("is the document's once that defines it: the same pool, the same socket", async () => {
    const world = await World.start(two);
    await world.document.bring("cache", cache);
    const [own, socket] = [world.services.pools.get("cache"), world.engine.listeners.get("127.0.0.1:6379")];
    const pools = { web: pool(), db: pool(), cache: pool() };
    await world.document.apply(
      documentOf(pools, { web: listener("web", 80, 443), db: listener("db", 5432), cache: listener("cache", 6379) }),
    );
    assert.equal(world.services.pools.get("cache"), own);
    assert.equal(world.engine.listeners.get("127.0.0.1:6379"), socket);
    assert.equal(world.document.brought.size, 0);
    await assert.rejects(world.document.bring("cache", cache), { code: "POOL_DEFINED" });
  });

  it("goes where the document wants its address for another pool, and is refused one that is taken", async () => {
    const world = await World.start(two);
    await world.document.bring("cache", cache);
    const socket = world.engine.listeners.get("127.0.0.1:6379");
    await assert.rejects(world.document.bring("other", cache), { code: "LISTEN_TAKEN", message: /pool cache/ });
    await world.document.apply(
      documentOf({ web: pool(), db: pool() }, { web: listener("web", 80, 443), db: listener("db", 5432, 6379) }),
    );
    assert.equal(world.engine.listeners.get("127.0.0.1:6379"), socket);
    assert.deepEqual([world.state.pools, world.gone], [["db", "web"], ["cache"]]);
  });
});

describe("two documents at once", () => {
  it("come one after the other, and a failed one is in nobody's way", async () => {
    const world = await World.start(two);
    world.engine.taken.add("127.0.0.1:1");
    const failed = world.document.apply(documentOf({ web: pool() }, { web: listener("web", 1) }));
    const taken = world.document.apply(documentOf({ db: pool() }, { db: listener("db", 80) }));
    await assert.rejects(failed, { code: "EADDRINUSE" });
    await taken;
    assert.deepEqual([...world.state.sockets], [["127.0.0.1:80", "db"]]);
  });
});
