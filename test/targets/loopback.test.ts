/** A reporter on the balancer's own host that advertises nothing: its target is "this host", at whichever loopback accepts. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseKeyLine, type SharedKey } from "../../src/control/keys/key.ts";
import type { ControlServerOptions } from "../../src/control/server/server.ts";
import type { ConnectFault } from "../../src/net/memory/memory.ts";
import type { Connection, TcpAddress } from "../../src/net/runtime.ts";
import { LoopbackFinder } from "../../src/targets/loopback.ts";
import { formatAddress } from "../../src/util/address.ts";
import { LEASE, leavesNothing, type RawReporter, REPORT, SECRET, World } from "../control/harness.ts";
import { settle, until } from "../support/wait.ts";

const NAME = "default/127.0.0.1:8080";
const V4 = "127.0.0.1";
const V6 = "::1";

/** A world that counts who is connected to, and may answer for them. */
async function worldOf(options: Partial<ControlServerOptions> = {}, key?: SharedKey) {
  const world = await World.start(options, key && [key]);
  const dialled: string[] = [];
  const answers = new Map<string, ConnectFault>();
  world.network.connectFault = (to: TcpAddress) => {
    if (to.port !== 1666) dialled.push(to.host);
    return answers.get(to.host);
  };
  const address = () => (world.pool.targets()[0]?.address as TcpAddress | undefined)?.host;
  return { world, dialled, answers, address };
}

async function registered(raw: RawReporter, report: object = REPORT): Promise<string> {
  const answer = await raw.ask(report);
  assert.equal(answer?.t, "ok", JSON.stringify(answer));
  return answer.target ?? "";
}

function suspect(world: World): void {
  const client = Uint32Array.of(0, 0, 0xffff, 1);
  const row = world.pool.pick(client, [], 0);
  world.pool.failed(row, client, 0);
  assert.equal(world.pool.targets()[0]?.state, "suspect");
}

describe("a target on this host", () => {
  for (const from of [V4, V6, "127.0.0.9"]) {
    for (const at of [V4, V6]) {
      it(`reported over ${from} with its server on ${at}: named ${NAME}, dialled at ${at}`, async () => {
        const { world, address } = await worldOf();
        const target = await world.target(at);
        const raw = await world.raw(from);
        assert.equal(await registered(raw), NAME);
        assert.equal(address(), at);
        await leavesNothing(world, raw, target);
      });
    }
  }

  it("whose server is on both is dialled at 127.0.0.1", async () => {
    const { world, address, dialled } = await worldOf();
    const targets = [await world.target(V4), await world.target(V6)];
    const raw = await world.raw(V6);
    await registered(raw);
    assert.equal(address(), V4);
    assert.deepEqual(dialled, [V4], "and nothing else is tried");
    await leavesNothing(world, raw, ...targets);
  });

  it("that answers is not connected to at later reports", async () => {
    const { world, dialled } = await worldOf();
    const target = await world.target(V6);
    const raw = await world.raw(V4);
    for (let count = 0; count < 5; count += 1) await registered(raw, { ...REPORT, weight: count });
    assert.deepEqual(dialled, [V4, V6]);
    await leavesNothing(world, raw, target);
  });

  it("that speaks first may finish: it sees no reset, and no early FIN", async () => {
    const { world } = await worldOf();
    const talk = async (connection: Connection) => {
      let heard = false;
      void connection.readable().then(() => {
        heard = true;
      });
      await settle();
      assert.equal(heard, false);
      await connection.write(Buffer.from("hello"));
      await connection.closeWrite();
      assert.equal(await connection.read(), null, "the probe says nothing");
      await connection.close();
    };
    let talked: Promise<void> | null = null;
    const target = await world.network.listen({ host: V4, port: 8080 }, (connection) => {
      talked = talk(connection);
    });
    const raw = await world.raw(V4);
    await registered(raw);
    await until("the conversation", () => talked !== null);
    await talked;
    await leavesNothing(world, raw, target);
  });

  it("that does not end its side is left after a second", async () => {
    const { world } = await worldOf();
    const ends: (() => void)[] = [];
    const target = await world.network.listen({ host: V4, port: 8080 }, (connection) => {
      ends.push(() => connection.abort());
    });
    const raw = await world.raw(V4);
    await registered(raw);
    const open = world.network.open;
    world.clock.advance(1_000);
    await settle();
    assert.equal(world.network.open, open - 1);
    for (const end of ends) end();
    await leavesNothing(world, raw, target);
  });

  it("that does not accept yet is looked for at each report until it does", async () => {
    const { world, dialled, address } = await worldOf();
    const raw = await world.raw(V6);
    await registered(raw);
    assert.equal(address(), V4);
    await registered(raw);
    assert.deepEqual(dialled, [V4, V6, V4, V4, V6], "in between it is connected to as every target is that comes");
    const target = await world.target(V6);
    assert.equal(await registered(raw), NAME);
    assert.equal(address(), V6);
    dialled.length = 0;
    await registered(raw);
    assert.deepEqual(dialled, []);
    await leavesNothing(world, raw, target);
  });

  it("that is suspect is looked for again, and keeps its address and state where nothing accepts", async () => {
    const { world, address } = await worldOf();
    const first = await world.target(V6);
    const raw = await world.raw(V4);
    await registered(raw);
    await first.close();
    suspect(world);
    await registered(raw);
    assert.equal(address(), V6);
    assert.equal(world.pool.targets()[0]?.state, "suspect");
    const second = await world.target(V4);
    await registered(raw);
    assert.equal(address(), V4);
    assert.equal(world.pool.targets()[0]?.state, "up");
    await leavesNothing(world, raw, second);
  });

  it("keeps its address when its reporter comes back while nothing accepts", async () => {
    const { world, address } = await worldOf();
    const target = await world.target(V6);
    const raw = await world.raw(V4);
    await registered(raw);
    await target.close();
    raw.channel.connection.abort();
    await until("the end of the session", () => world.server.sessions === 0);
    const again = await world.raw(V4);
    await registered(again);
    assert.equal(address(), V6);
    await leavesNothing(world, again);
  });

  it("whose loopback is silent delays its report for half a second, no more", async () => {
    const { world, answers, address } = await worldOf();
    answers.set(V4, "blackhole");
    const target = await world.target(V6);
    const raw = await world.raw(V4);
    const answer = raw.ask(REPORT);
    await settle();
    assert.deepEqual(world.pool.targets(), []);
    world.clock.advance(500);
    assert.equal((await answer)?.t, "ok");
    assert.equal(address(), V6);
    await leavesNothing(world, raw, target);
  });

  it("with two reporters, one over each loopback, is one target: the newest speaks for it", async () => {
    for (const report of [REPORT, { ...REPORT, id: "web" }]) {
      const { world } = await worldOf();
      const one = await world.raw(V4);
      await registered(one, report);
      const target = await world.target(V6); // so that the second finds another address than the first did
      const two = await world.raw(V6);
      await registered(two, report);
      assert.equal(world.pool.targets().length, 1);
      assert.equal((await one.hear())?.t, "goodbye");
      await leavesNothing(world, two, target);
    }
  });

  it("is not taken back by a session that was replaced during its look", async () => {
    const { world, answers, address } = await worldOf();
    const target = await world.target(V4);
    const one = await world.raw(V4);
    await registered(one);
    suspect(world);
    answers.set(V4, "blackhole");
    await one.tell({ ...REPORT, weight: 1 });
    await settle();
    answers.clear();
    const two = await world.raw(V6);
    await registered(two);
    world.clock.advance(1_000);
    await settle();
    assert.equal(world.pool.targets()[0]?.weight, REPORT.weight);
    assert.equal(address(), V4);
    assert.equal(world.server.sessions, 1);
    await leavesNothing(world, two, target);
  });

  it("whose key holds for the address it reports from may be dialled at the other loopback", async () => {
    const { world, address } = await worldOf({}, parseKeyLine(`web:${SECRET} from=::1`, "test"));
    const target = await world.target(V4);
    const raw = await world.raw(V6);
    assert.equal(await registered(raw), NAME);
    assert.equal(address(), V4);
    await leavesNothing(world, raw, target);
  });

  it("that its key does not allow is not connected to", async () => {
    const { world, dialled } = await worldOf({}, parseKeyLine(`web:${SECRET} port=9000`, "test"));
    const raw = await world.raw(V4);
    const answer = await raw.ask(REPORT);
    assert.ok(answer?.t === "reject" && answer.code === "FORBIDDEN", JSON.stringify(answer));
    assert.deepEqual(dialled, []);
    await leavesNothing(world);
  });

  it("is never the balancer itself", async () => {
    const { world, dialled, address } = await worldOf({ clientListeners: () => [{ host: V4, port: 8080 }] });
    const targets = [await world.target(V4), await world.target(V6)];
    const raw = await world.raw(V4);
    await registered(raw);
    assert.equal(address(), V6);
    assert.deepEqual(dialled, [V6]);
    await leavesNothing(world, raw, ...targets);
  });

  it("is looked for once, also where its session speaks for others", async () => {
    const probed: string[] = [];
    const finder = new LoopbackFinder({
      registry: { known: () => undefined, undialable: () => null },
      probe: async (to) => {
        probed.push(formatAddress(to));
        return "connected";
      },
    });
    const key = { id: "web", limits: {} };
    const owner = { remote: { host: V4, port: 1 }, key, forbids: () => null, replaced: () => undefined };
    for (let count = 0; count < 3; count++) {
      for (const ref of [0, 1]) {
        const report = { pool: "default", port: 8080 + ref, weight: 1, health: "up", drain: false } as const;
        assert.equal((await finder.find(owner, report, ref)).host, V4);
      }
    }
    assert.deepEqual(probed, ["127.0.0.1:8080", "127.0.0.1:8081"]);
  });

  it("that advertises a loopback address is dialled there, and named so", async () => {
    const { world, address, dialled } = await worldOf({}, parseKeyLine(`web:${SECRET} advertise=::1`, "test"));
    const raw = await world.raw(V4);
    assert.equal(await registered(raw, { ...REPORT, advertise: V6 }), "default/[::1]:8080");
    assert.equal(address(), V6);
    assert.deepEqual(dialled, [V6]);
    await world.pass(LEASE / 2);
    await leavesNothing(world, raw);
  });
});
