/** Services that reporters bring: what is made of their reports, and when it goes. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Brought, type BroughtOptions, MOST_PORTS } from "../../src/app/brought.ts";
import type { Bringer } from "../../src/control/server/services.ts";
import { NetError } from "../../src/net/net-error.ts";
import type { Asking, Report } from "../../src/targets/report.ts";
import { formatAddress } from "../../src/util/address.ts";
import { codeOf } from "../../src/util/errors.ts";
import { settle } from "../support/wait.ts";
import type { FakeListener } from "./fake-engine.ts";
import { documentOf, listener, pool, World } from "./services-world.ts";

const TIMEOUT = 60_000;

type Options = Readonly<Record<string, string>>;

/** Reporters of a balancer whose configuration has the pool `web` at port 80. */
class Scene {
  readonly world: World;
  readonly brought: Brought;
  /** What has been told: `opened POOL PORT`, `closed POOL PORT`, warnings as they are. */
  readonly story: string[] = [];

  private constructor(world: World, options: Partial<BroughtOptions>) {
    this.world = world;
    this.brought = new Brought({
      document: world.document,
      listeners: () => world.services.listeners,
      targetHere: () => null,
      clock: world.clock,
      mayOpen: () => true,
      mostPorts: MOST_PORTS,
      serviceTimeout: TIMEOUT,
      onOpened: (name, port) => this.story.push(`opened ${name} ${port}`),
      onClosed: (name, port) => this.story.push(`closed ${name} ${port}`),
      onWarning: (message) => this.story.push(message),
      ...options,
    });
  }

  static async start(options: Partial<BroughtOptions> = {}): Promise<Scene> {
    const world = await World.start(documentOf({ web: pool() }, { web: listener("web", 80) }));
    return new Scene(world, options);
  }

  bring(name: string, listen: number, options?: Options, by: Partial<Bringer> = {}): Promise<void> {
    const report: Report = { pool: name, port: 1, weight: 1, health: "up", drain: false, listen, options };
    return this.brought.bring({ ...report, listen }, { key: "web", ports: MOST_PORTS, ...by });
  }

  /** The code of the refusal. */
  async refused(name: string, listen: number, options?: Options, by?: Partial<Bringer>): Promise<string | undefined> {
    return this.bring(name, listen, options, by).then(() => "nothing", codeOf);
  }

  /** Time goes on, with a look a second. */
  async pass(ms: number, ...asking: readonly Asking[]): Promise<void> {
    for (let left = ms; left > 0; left -= 1_000) {
      this.world.clock.advance(1_000);
      this.brought.look(asking);
      await settle();
    }
  }

  /** `POOL PORT` of each socket. */
  get sockets(): string[] {
    return this.world.services.listeners.map(
      ({ pool: name, address }) => `${name} ${"port" in address && address.port}`,
    );
  }

  /** The one at that port on all interfaces. */
  socket(port: number): FakeListener {
    const socket = this.world.engine.listeners.get(formatAddress({ host: "", port }));
    assert.ok(socket, `port ${port} is open`);
    return socket;
  }

  settings(name: string) {
    return this.world.services.state.pools.get(name);
  }
}

function asks(target: string, name: string, listen: number, options: Options = {}): Asking {
  return { target, pool: name, listen, options };
}

describe("a service that a reporter brings", () => {
  it("is a pool of the defaults, with the options that were declared, and a port on all interfaces", async () => {
    const scene = await Scene.start();
    await scene.bring("db", 5000, { algorithm: "random", "queue-timeout": "7s" });
    assert.deepEqual(scene.sockets, ["web 80", "db 5000"]);
    assert.deepEqual(scene.settings("db"), pool({ algorithm: "random", queueTimeout: 7_000 }));
    const { address } = scene.world.services.listeners.at(-1)!;
    assert.deepEqual(address, { host: "", port: 5000 });
    assert.equal(scene.brought.size, 1);
    assert.deepEqual(scene.story, ["opened db 5000"]);
  });

  it("is made once, by however many reports at once", async () => {
    const scene = await Scene.start();
    await Promise.all([
      scene.bring("db", 5000),
      scene.bring("db", 5000),
      scene.bring("db", 5001),
      scene.bring("kv", 6000),
    ]);
    await scene.bring("db", 5000);
    assert.deepEqual(scene.sockets, ["web 80", "db 5000", "db 5001", "kv 6000"]);
    assert.equal(scene.story.length, 3);
  });

  it("stays while somebody asks for it, and goes when nobody has for its time", async () => {
    const scene = await Scene.start();
    await scene.bring("db", 5000);
    const one = asks("db/a", "db", 5000);
    await scene.pass(10 * TIMEOUT, one);
    await scene.pass(TIMEOUT - 1_000);
    assert.deepEqual(scene.sockets, ["web 80", "db 5000"]);
    await scene.pass(1_000);
    assert.deepEqual(scene.sockets, ["web 80"]);
    assert.deepEqual(scene.world.gone, ["db"]);
    assert.deepEqual(scene.story, ["opened db 5000", "closed db 5000"]);
    assert.equal(scene.brought.size, 0);
    await scene.bring("db", 5000);
    assert.deepEqual(scene.sockets, ["web 80", "db 5000"], "and may come again");
  });

  it("stays where somebody asks again before its time is over", async () => {
    const scene = await Scene.start();
    await scene.bring("db", 5000);
    const one = asks("db/a", "db", 5000);
    for (let i = 0; i < 3; i++) {
      await scene.pass(2_000, one);
      await scene.pass(TIMEOUT - 1_000);
    }
    assert.deepEqual(scene.sockets, ["web 80", "db 5000"]);
  });

  it("stays with a time of 0 while it is asked for, and goes within seconds after that", async () => {
    const scene = await Scene.start({ serviceTimeout: 0 });
    await scene.bring("db", 5000);
    await scene.pass(20_000, asks("db/a", "db", 5000));
    assert.equal(scene.sockets.length, 2);
    await scene.pass(3_000);
    assert.equal(scene.sockets.length, 1);
  });

  it("is not gone by a look that comes before its target has registered", async () => {
    const scene = await Scene.start();
    await scene.bring("db", 5000);
    scene.brought.look([]);
    await settle();
    assert.deepEqual(scene.sockets, ["web 80", "db 5000"]);
  });

  it("is left alone by looks at which nothing differs", async () => {
    const scene = await Scene.start();
    await scene.bring("db", 5000, { queue: "1" });
    const { document } = scene.world;
    document.bring = () => assert.fail("nothing is to be changed");
    await scene.pass(5_000, asks("db/a", "db", 5000, { queue: "1" }), asks("db/b", "db", 5000));
    assert.deepEqual(scene.story, ["opened db 5000"]);
  });

  it("that a document takes over while it is to go is the document's", async () => {
    const scene = await Scene.start();
    await scene.bring("db", 5000);
    scene.world.clock.advance(TIMEOUT);
    const at = { ...listener("db"), listen: [{ host: "", port: 5000 }] };
    const applied = scene.world.document.apply(
      documentOf({ web: pool(), db: pool() }, { web: listener("web", 80), db: at }),
    );
    scene.brought.look([]);
    await applied;
    await settle();
    assert.deepEqual(scene.sockets, ["web 80", "db 5000"]);
    assert.deepEqual(scene.story, ["opened db 5000"]);
  });

  it("goes within seconds where the target was not taken in after all", async () => {
    const scene = await Scene.start();
    await scene.bring("db", 5000);
    await scene.pass(3_000);
    assert.deepEqual(scene.sockets, ["web 80"]);
  });

  it("loses a port that nobody asks for any more, and keeps the pool while there is another one", async () => {
    const scene = await Scene.start();
    await scene.bring("db", 5000);
    await scene.bring("db", 5001);
    const socket = scene.socket(5001);
    await scene.pass(TIMEOUT, asks("db/a", "db", 5001));
    assert.deepEqual(scene.sockets, ["web 80", "db 5001"]);
    assert.equal(scene.socket(5001), socket);
    assert.deepEqual(scene.world.gone, []);
    assert.equal(scene.story.at(-1), "closed db 5000");
  });

  it("goes together with all others that go, since a port takes time to close and who comes next waits for it", async () => {
    const scene = await Scene.start();
    for (let i = 0; i < 20; i++) await scene.bring(`pool-${i % 10}`, 5_000 + i);
    let changes = 0;
    const { services } = scene.world;
    const change = services.change.bind(services);
    services.change = (...args) => {
      changes += 1;
      return change(...args);
    };
    await scene.pass(3_000, asks("pool-0/a", "pool-0", 5000));
    assert.deepEqual(scene.sockets, ["web 80", "pool-0 5000"]);
    assert.equal(changes, 1);
  });

  it("that is asked for while it goes is there again when the answer comes", async () => {
    const scene = await Scene.start();
    await scene.bring("db", 5000);
    await scene.pass(TIMEOUT, asks("db/a", "db", 5000));
    scene.world.clock.advance(TIMEOUT);
    scene.brought.look([]);
    await scene.bring("db", 5000);
    assert.deepEqual(scene.sockets, ["web 80", "db 5000"]);
    await scene.pass(TIMEOUT - 1_000, asks("db/a", "db", 5000));
    assert.deepEqual(scene.sockets, ["web 80", "db 5000"]);
  });

  it("is refused where another pool has the port, or another program, and nothing has changed", async () => {
    const scene = await Scene.start();
    await scene.bring("db", 5000);
    scene.world.engine.taken.add(formatAddress({ host: "", port: 5001 }));
    assert.equal(await scene.refused("kv", 5000), "LISTEN_TAKEN");
    assert.equal(await scene.refused("kv", 5001), "LISTEN_TAKEN");
    assert.deepEqual(scene.sockets, ["web 80", "db 5000"]);
    assert.deepEqual([...scene.world.services.pools.keys()], ["web", "db"]);
    scene.world.engine.taken.clear();
    await scene.bring("kv", 5001);
    assert.deepEqual(scene.sockets, ["web 80", "db 5000", "kv 5001"]);
  });

  it("is refused where the system does not let the balancer open the port, in the system's words", async () => {
    const scene = await Scene.start();
    scene.world.engine.bind = async () => {
      throw new NetError("EACCES", "cannot listen on *:80: permission denied");
    };
    await assert.rejects(scene.bring("db", 81), {
      code: "LISTEN_FAILED",
      retry: true,
      message: "port 81 cannot be opened: cannot listen on *:80: permission denied",
    });
  });

  it("is refused when there are as many as there may be", async () => {
    const scene = await Scene.start();
    for (let i = 0; i < MOST_PORTS; i++) await scene.bring(`pool-${i % 5}`, 1_000 + i);
    assert.equal(await scene.refused("more", 5000), "SERVICES_FULL");
    await scene.bring("pool-0", 1_000); // is there
    await scene.pass(3_000);
    assert.equal(scene.brought.size, 0);
  });

  it("is refused when there are as many as leave descriptors for clients", async () => {
    const scene = await Scene.start({ mostPorts: 1 });
    await scene.bring("db", 5000);
    assert.equal(await scene.refused("db", 5001), "SERVICES_FULL");
  });

  it("is refused when the balancer stops, and what is being opened is waited for", async () => {
    const scene = await Scene.start();
    const first = scene.bring("db", 5000);
    for (let i = 0; i < 3; i++) await Promise.resolve(); // it is under way
    await scene.brought.close();
    assert.deepEqual(scene.sockets, ["web 80", "db 5000"]);
    await first;
    assert.equal(await scene.refused("kv", 5001), "STOPPING");
    assert.deepEqual(scene.sockets, ["web 80", "db 5000"]);
  });
});

describe("the holders of a key", () => {
  const few = { key: "few", ports: 2 };

  it("keep no port when the key is taken away or does not allow it any more, unless others ask for it", async () => {
    let allowed = [5000, 5001, 5002];
    const scene = await Scene.start({
      mayOpen: (key, name, port) => key === "few" && name === "db" && allowed.includes(port),
    });
    for (const port of allowed) await scene.bring("db", port, {}, { key: "few" });
    const other = asks("db/b", "db", 5001);
    await scene.pass(5_000, asks("db/a", "db", 5000), other, asks("db/a2", "db", 5002));
    allowed = [5002];
    await scene.pass(1_000, other);
    assert.deepEqual(scene.sockets, ["web 80", "db 5001", "db 5002"]);
    await scene.bring("db", 5001, {}, { key: "few" });
    await scene.pass(TIMEOUT, other);
    assert.deepEqual(scene.sockets, ["web 80", "db 5001"]);
  });

  it("have no more ports open at once than their key has targets, whichever pools and targets ask", async () => {
    const scene = await Scene.start();
    await scene.bring("db", 5000, {}, few);
    await scene.bring("kv", 5001, {}, few);
    assert.equal(await scene.refused("kv", 5002, {}, few), "QUOTA");
    assert.equal(await scene.refused("more", 5002, {}, few), "QUOTA");
    await scene.bring("db", 5000, {}, few); // is there
    await scene.bring("more", 5002, {}, { key: "other", ports: 2 });
    assert.deepEqual(scene.sockets, ["web 80", "db 5000", "kv 5001", "more 5002"]);
  });

  it("have one less when another key asks for one of them, and when one has closed", async () => {
    const scene = await Scene.start();
    await scene.bring("db", 5000, {}, few);
    await scene.bring("db", 5001, {}, few);
    await scene.bring("db", 5000, {}, { key: "other" });
    await scene.bring("db", 5002, {}, few);
    assert.equal(await scene.refused("db", 5003, {}, few), "QUOTA");
    await scene.pass(3_000, asks("db/a", "db", 5001));
    await scene.bring("db", 5003, {}, few);
    assert.deepEqual(scene.sockets, ["web 80", "db 5001", "db 5003"]);
  });

  it("cannot hold others up with ports that are taken: only the first of them is waited for", async () => {
    const scene = await Scene.start();
    const { engine } = scene.world;
    for (const port of [5000, 5001]) engine.taken.add(formatAddress({ host: "", port }));
    engine.patiences.length = 0;
    for (const port of [5000, 5001, 5000]) assert.equal(await scene.refused("db", port, {}, few), "LISTEN_TAKEN");
    await scene.bring("kv", 5002, {}, { key: "other" });
    await scene.pass(10_000, asks("kv/a", "kv", 5002));
    assert.equal(await scene.refused("db", 5000, {}, few), "LISTEN_TAKEN");
    assert.deepEqual(engine.patiences, [undefined, 0, 0, undefined, undefined]);
  });

  it("have no port opened where a target of this host is: while its server is down they would get its clients", async () => {
    const scene = await Scene.start({ targetHere: (port) => (port === 5000 ? "kv/127.0.0.1:5000" : null) });
    assert.equal(await scene.refused("db", 5000), "LISTEN_TAKEN");
    await scene.bring("db", 5001);
  });

  it("fill no memory with what they disagree about", async () => {
    const scene = await Scene.start();
    await scene.bring("db", 5000, { queue: "1" });
    const first = asks("db/a", "db", 5000, { queue: "1" });
    for (let i = 0; i < 300; i++) await scene.pass(1_000, first, asks(`db/${i}`, "db", 5000, { queue: "2" }));
    assert.ok(scene.story.length <= 101, `${scene.story.length}`);
  });
});

describe("options that reporters declare", () => {
  for (const name of ["max-targets", "max-bindings", "queue"]) {
    it(`give a pool no larger ${name} than the operator gives all`, async () => {
      const scene = await Scene.start();
      assert.equal(await scene.refused("db", 5000, { [name]: "1000" }), "BAD_OPTION");
      assert.deepEqual(scene.sockets, ["web 80"]);
    });
  }

  for (const options of [
    { algorithm: "fastest" },
    { colour: "blue" },
    { unavailable: "@/etc/passwd" },
    { targets: "a:1" },
  ]) {
    it(`are refused as ${JSON.stringify(options)}`, async () => {
      const scene = await Scene.start();
      assert.equal(await scene.refused("db", 5000, options as unknown as Options), "BAD_OPTION");
      assert.deepEqual(scene.sockets, ["web 80"]);
    });
  }

  it("are those of the target that came first; of others it is said once that they are ignored", async () => {
    const scene = await Scene.start();
    await scene.bring("db", 5000, { queue: "1" });
    await scene.bring("db", 5000, { queue: "2" });
    const [a, b] = [asks("db/a", "db", 5000, { queue: "1" }), asks("db/b", "db", 5000, { queue: "2" })];
    await scene.pass(10_000, a, b, asks("db/c", "db", 5000));
    assert.equal(scene.settings("db")!.queue, 1);
    assert.deepEqual(scene.story, [
      "opened db 5000",
      "target db/b declares queue=2 for pool db, which is ignored: target db/a came first, with queue=1",
    ]);
  });

  it("change with that target's, and go on to the next one's when it is gone", async () => {
    const scene = await Scene.start();
    await scene.bring("db", 5000, { queue: "1" });
    const socket = scene.socket(5000);
    const served = scene.world.services.pools.get("db");
    const b = asks("db/b", "db", 5000, { queue: "2" });
    await scene.pass(1_000, asks("db/a", "db", 5000, { queue: "3" }), b);
    assert.equal(scene.settings("db")!.queue, 3);
    await scene.pass(1_000, b);
    assert.equal(scene.settings("db")!.queue, 2);
    await scene.pass(1_000, asks("db/c", "db", 5000));
    assert.equal(scene.settings("db")!.queue, 2, "who declares nothing changes nothing");
    assert.equal(scene.socket(5000), socket);
    assert.equal(scene.world.services.pools.get("db"), served);
  });
});

describe("what the operator has defined", () => {
  it("cannot be given another port by a reporter, nor options, which is said once", async () => {
    const scene = await Scene.start();
    assert.equal(await scene.refused("web", 5000), "POOL_DEFINED");
    assert.equal(await scene.refused("kv", 80), "LISTEN_TAKEN");
    await scene.bring("web", 80, { queue: "1" });
    await scene.bring("web", 80, { queue: "1" });
    assert.deepEqual(scene.settings("web"), pool());
    assert.deepEqual(scene.sockets, ["web 80"]);
    assert.equal(scene.story.length, 1);
    assert.match(scene.story[0]!, /options that reporters declare for pool web are ignored/);
  });

  it("takes a service over that a reporter has brought, with its socket, and outlasts the reporter", async () => {
    const scene = await Scene.start();
    await scene.bring("db", 5000, { queue: "1" });
    const socket = scene.socket(5000);
    const served = scene.world.services.pools.get("db");
    const at = { ...listener("db"), listen: [{ host: "", port: 5000 }] };
    await scene.world.document.apply(documentOf({ web: pool(), db: pool() }, { web: listener("web", 80), db: at }));
    assert.equal(scene.socket(5000), socket);
    assert.equal(scene.world.services.pools.get("db"), served);
    await scene.bring("db", 5000);
    assert.equal(await scene.refused("db", 5001), "POOL_DEFINED");
    await scene.pass(2 * TIMEOUT);
    assert.deepEqual(scene.sockets, ["web 80", "db 5000"]);
    assert.deepEqual(scene.world.gone, []);
  });
});
