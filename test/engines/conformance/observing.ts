import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { it } from "node:test";
import { echo, type Serve } from "../../support/peers.ts";
import { drain, readText } from "../../support/stream.ts";
import { passes, until } from "../../support/wait.ts";
import type { Host } from "../host.ts";
import { inLab, type Lab } from "../lab.ts";

/** So heavy that it is picked while it may be. */
const FIRST = { weight: 1_000_000 };
const LATE_MS = 100;

export function observing(host: Host): void {
  /** Who has answered a connection that says something; "": nobody. */
  async function ask(lab: Lab): Promise<string> {
    const client = await lab.client();
    await client.write(Buffer.from("x")).catch(() => undefined); // it may be over already
    const text = await readText(client, 1).catch(() => "");
    client.abort();
    return text;
  }

  const closes: Serve = async (connection) => {
    await connection.read();
  };
  const resets: Serve = async (connection) => {
    await connection.read();
    connection.abort();
  };
  const late: Serve = async (connection) => {
    await connection.read();
    await passes(2 * LATE_MS);
    await connection.write(Buffer.from("l"));
    await drain(connection).catch(() => undefined);
  };

  for (const [what, serve, failure] of [
    ["closes connections before it gives a byte", closes, "early-end"],
    ["resets them", resets, "early-end"],
    ["gives its first byte late", late, "slow"],
  ] as const) {
    it(`takes a target out that ${what}, after so many of them, and no other`, () =>
      inLab(host, { pool: { ejectAfter: 3, ejectSlow: LATE_MS, ejectTime: 60_000 } }, async (lab) => {
        await lab.target("bad", serve, FIRST);
        await lab.target("good", echo);
        for (let n = 0; n < 3; n++) {
          assert.equal(lab.view("bad").state, "up", `after ${n}`);
          assert.notEqual(await ask(lab), "x");
          await lab.recorded(n + 1);
        }
        await until("it is out", () => lab.view("bad").failure === failure);
        assert.equal(await ask(lab), "x");
        assert.equal(lab.view("good").state, "up");
      }));
  }

  it("does not hold against a target that a client leaves first, or what it answered before", () =>
    inLab(host, { pool: { ejectAfter: 1, ejectSlow: 10_000 } }, async (lab) => {
      await lab.target("a", echo, FIRST);
      await lab.target("b", echo);
      const silent = await lab.client();
      await until("its connection", () => lab.view("a").active === 1);
      await silent.close();
      await lab.recorded(1);
      for (let n = 0; n < 3; n++) assert.equal(await ask(lab), "x");
      await lab.recorded(4);
      assert.deepEqual([lab.view("a").state, lab.view("a").total], ["up", 4]);
    }));

  it("tries one that is out with one connection, and lets it back in when that is answered", () =>
    inLab(host, { pool: { ejectAfter: 1, ejectTime: 500 } }, async (lab) => {
      let works = false;
      const heals: Serve = async (connection) => {
        await connection.read();
        if (works) await connection.write(Buffer.from("h"));
      };
      await lab.target("bad", heals, FIRST);
      await lab.target("good", echo);
      assert.equal(await ask(lab), "");
      await until("it is out", () => lab.view("bad").failure === "early-end");
      works = true;
      await until("its answer", async () => (await ask(lab)) === "h");
      await until("it is back", () => lab.view("bad").state === "up");
    }));
}
