import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { handshakeOf, helloLine, pskOfSecret } from "../../src/control/protocol/hello.ts";
import { Doorstep } from "../../src/control/server/doorstep.ts";
import type { Proved } from "../../src/control/server/handshake.ts";
import { LineChannel } from "../../src/net/line-channel.ts";
import { MemoryNetwork } from "../../src/net/memory/memory.ts";
import { settle, until } from "../support/wait.ts";
import { Door, SECRET } from "./hello.ts";

const A = "10.0.0.7";
const B = "10.0.0.8";
const PLACES = 100;
const ADMIN = { host: "10.0.0.1", port: 1666 };

/** A doorstep with the doorkeeper behind it, on a network in memory. */
class House {
  readonly network = new MemoryNetwork();
  readonly door = new Door();
  readonly inside: { readonly proved: Proved; readonly channel: LineChannel }[] = [];
  readonly told: string[] = [];
  judged = 0;
  readonly doorstep = new Doorstep({
    places: PLACES,
    clock: this.door.clock,
    judge: (line, seen) => {
      this.judged += 1;
      return this.door.keeper.judge(line, seen);
    },
    onProved: (channel, proved) => void this.inside.push({ proved, channel }),
    onRefused: (from, who, code, why) => void this.told.push(`${from.host} ${who} ${code} ${why}`),
  });

  static async open(): Promise<House> {
    const house = new House();
    await house.network.listen(ADMIN, (connection) => house.doorstep.enter(connection));
    return house;
  }

  async visitor(host: string): Promise<Visitor> {
    return new Visitor(new LineChannel(await this.network.from(host).connect({ to: ADMIN }), 8_192));
  }

  hello(secret = SECRET, id = "web"): string {
    const claim = { as: "key", id } as const;
    return helloLine(claim, handshakeOf(claim, "initiator", { psk: pskOfSecret(secret) }), this.door.payload());
  }

  async leavesNothing(...visitors: readonly Visitor[]): Promise<void> {
    await this.doorstep.close();
    assert.equal(this.doorstep.strangers.size, 0);
    assert.equal(this.door.clock.pending, 0);
    for (const visitor of visitors) visitor.channel.connection.abort();
    for (const { channel } of this.inside) channel.connection.abort();
    await settle();
    assert.equal(this.network.open, 0);
  }
}

class Visitor {
  readonly channel: LineChannel;

  constructor(channel: LineChannel) {
    this.channel = channel;
  }

  say(text: string): Promise<void> {
    return this.channel.connection.write(Buffer.from(text)).catch(() => undefined);
  }

  /** The next line; null at the end of the connection, however it ends. */
  async line(): Promise<string | null> {
    const line = await this.channel.readLine().catch(() => null);
    return line && Buffer.from(line).toString();
  }
}

describe("on the doorstep", () => {
  it("whoever proves a key with his first line goes in, with all that he sends after it", async () => {
    const house = await House.open();
    const visitor = await house.visitor(A);
    await visitor.say(`${house.hello()}\nmore\n`);
    await until("the way in", () => house.inside.length === 1);
    const { channel, proved } = house.inside[0]!;
    assert.equal(proved.key.id, "web");
    assert.equal(house.doorstep.strangers.size, 0, "he has no place among strangers any more");
    assert.equal(house.door.clock.pending, 0, "and no deadline");
    assert.equal(Buffer.from((await channel.readLine())!).toString(), "more");
    await house.leavesNothing(visitor);
  });

  it("a hello may come in pieces, and is judged once", async () => {
    const house = await House.open();
    const visitor = await house.visitor(A);
    for (const piece of `${house.hello()}\n`.match(/.{1,50}|\n/gs)!) {
      await visitor.say(piece);
      await settle(4);
    }
    await until("the way in", () => house.inside.length === 1);
    assert.equal(house.judged, 1);
    await house.leavesNothing(visitor);
  });

  it("whoever is refused is told why, and dropped a second later though he stays", async () => {
    const house = await House.open();
    const visitor = await house.visitor(A);
    await visitor.say(`${house.hello("wrong".repeat(4))}\n`);
    assert.match((await visitor.line())!, /"BAD_KEY"/);
    assert.equal(house.doorstep.strangers.size, 1);
    house.door.clock.advance(999);
    await settle();
    assert.equal(house.network.open, 2);
    house.door.clock.advance(1);
    await settle();
    assert.equal(house.doorstep.strangers.size, 0);
    assert.deepEqual(house.told.length, 1);
    assert.match(house.told[0]!, /^10\.0\.0\.7 10\.0\.0\.7:\d+ \(key "web"\) BAD_KEY its secret is not the one/);
    await house.leavesNothing(visitor);
  });

  it("whoever sends no hello is dropped at once, without an answer", async () => {
    const house = await House.open();
    for (const bytes of ["GET / HTTP/1.1\r\n\r\n", "\n", "{}\n", "x".repeat(100_000), "\u0000\u0001\n"]) {
      const visitor = await house.visitor(A);
      await visitor.say(bytes);
      assert.equal(await visitor.line(), null, bytes.slice(0, 10));
      assert.equal(house.doorstep.strangers.size, 0);
      visitor.channel.connection.abort();
    }
    for (const line of house.told) assert.match(line, /what it sent is no reporter's hello/);
    assert.equal(house.told.length, 5);
    await house.leavesNothing();
  });

  it("a TLS client is told that TLS is not spoken here", async () => {
    const house = await House.open();
    const visitor = await house.visitor(A);
    await visitor.say("\u0016\u0003\u0001");
    assert.match((await visitor.line())!, /"NO_TLS".*--admin-tls-cert/);
    assert.match(house.told[0]!, / NO_TLS /);
    await house.leavesNothing(visitor);
  });

  it("whoever leaves, by FIN or reset, leaves nothing and is not told of", async () => {
    const house = await House.open();
    for (const leave of ["closeWrite", "close", "abort"] as const) {
      for (const first of ["", '{"t":"hel']) {
        const visitor = await house.visitor(A);
        if (first) await visitor.say(first);
        await visitor.channel.connection[leave]();
        await until("his end", () => house.doorstep.strangers.size === 0);
        visitor.channel.connection.abort();
      }
    }
    assert.deepEqual(house.told, []);
    await house.leavesNothing();
  });

  it("whoever says nothing has five seconds, and so has half a line", async () => {
    const house = await House.open();
    const visitors = [await house.visitor(A), await house.visitor(B)];
    await visitors[1]!.say('{"t":"hel');
    await settle();
    house.door.clock.advance(4_999);
    await settle();
    assert.equal(house.network.open, 4);
    house.door.clock.advance(1);
    for (const visitor of visitors) assert.equal(await visitor.line(), null);
    await house.leavesNothing(...visitors);
  });

  it("an honest one is judged though all places are taken, and none but strangers lose theirs", async () => {
    const house = await House.open();
    const crowd: Visitor[] = [];
    const come = async (host: string, say: string) => {
      const visitor = await house.visitor(host);
      if (say) await visitor.say(say);
      crowd.push(visitor);
    };
    for (let n = 0; n < PLACES + 100; n += 1) await come(A, "");
    for (const [n, host] of [A, B].entries()) {
      const honest = await house.visitor(host);
      for (let m = 0; m < PLACES / 2; m += 1) await come(A, m % 2 ? "" : `${house.hello("wrong".repeat(4))}\n`);
      await honest.say(`${house.hello()}\n`);
      await until(`the one from ${host}`, () => house.inside.length === n + 1);
      crowd.push(honest);
    }
    await settle();
    assert.ok(house.doorstep.strangers.size <= PLACES);
    await house.leavesNothing(...crowd);
  });

  it("a fault in judging ends that connection alone", async () => {
    const house = await House.open();
    const judge = house.door.keeper.judge.bind(house.door.keeper);
    house.door.keeper.judge = () => {
      throw new TypeError("a fault of the balancer's own");
    };
    const visitor = await house.visitor(A);
    await visitor.say(`${house.hello()}\n`);
    assert.equal(await visitor.line(), null);
    assert.match(house.told[0]!, / INTERNAL a fault of the balancer's own$/);
    house.door.keeper.judge = judge;
    const next = await house.visitor(A);
    await next.say(`${house.hello()}\n`);
    await until("the way in", () => house.inside.length === 1);
    await house.leavesNothing(visitor, next);
  });

  it("everybody is dropped when the balancer stops", async () => {
    const house = await House.open();
    const visitors = [await house.visitor(A), await house.visitor(B), await house.visitor(B)];
    await visitors[1]!.say(`${house.hello("wrong".repeat(4))}\n`);
    await settle();
    await house.doorstep.close();
    assert.equal(house.door.clock.pending, 0);
    for (const visitor of visitors) while ((await visitor.line()) !== null);
    await house.leavesNothing(...visitors);
  });
});
