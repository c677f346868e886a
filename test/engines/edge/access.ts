/** Who may come, how many at a time and how often, and what those get who may not. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { echo, greeter } from "../../support/peers.ts";
import { ending, readText, text } from "../../support/stream.ts";
import { now } from "../../support/wait.ts";
import type { Host } from "../host.ts";
import { inLab } from "../lab.ts";
import { ask, assertCounted, assertRefused, assertTurnedAway, clientSaying, FOREVER, HERE } from "./asking.ts";

const as = (last: number) => `PROXY TCP4 192.0.2.${last} 198.51.100.2 56324 443\r\n`;

export function access(host: Host): void {
  it("serves clients that are allowed, and not denied", () =>
    inLab(host, {}, async (lab) => {
      const asking = await ask(lab, { allow: HERE, deny: ["192.0.2.0/24"] });
      await lab.target("one", greeter("!"));
      const client = await lab.client();
      assert.equal(await readText(client, 1), "!");
      await client.closeWrite();
      const [record] = await lab.recorded(1);
      assert.ok(!("facts" in record!), "nothing is known but its address");
      assert.deepEqual(asking.refusals(), {});
    }));

  it("refuses a client that is denied or not allowed, before it takes anything", () =>
    inLab(host, { pool: { concurrency: 0 } }, async (lab) => {
      await lab.target("one", greeter("!"));
      const denied = await ask(lab, { deny: HERE });
      await assertTurnedAway(lab, host);
      await assertCounted(denied, "denied");
      const notAllowed = await ask(lab, { allow: ["192.0.2.0/24"] });
      await assertTurnedAway(lab, host);
      await assertCounted(notAllowed, "denied");
      const both = await ask(lab, { allow: HERE, deny: ["127.0.0.1"] });
      await assertTurnedAway(lab, host);
      await assertCounted(both, "denied");
      assert.deepEqual([lab.pool.waiting, lab.view("one").total], [0, 0]);
    }));

  it("asks the lists for the client that a header names, and not for who brings it", () =>
    inLab(host, {}, async (lab) => {
      const asking = await ask(lab, { senders: HERE, deny: ["192.0.2.1"], allow: ["192.0.2.0/24"] });
      await lab.target("one", echo);
      await assertRefused(lab, await clientSaying(lab, as(1)), host);
      await assertCounted(asking, "denied");
      const client = await clientSaying(lab, `${as(2)}x`);
      assert.equal(await readText(client, 1), "x");
      await client.closeWrite();
      await lab.recorded(1);
    }));

  it("tells whoever is refused, where there is a text for them", () =>
    inLab(host, {}, async (lab) => {
      const asking = await ask(lab, { deny: HERE, refuse: { type: "text", text: text("Not you.") } });
      const client = await lab.client();
      lab.cutOff();
      assert.equal(await readText(client), "Not you.");
      await assertCounted(asking, "denied");
    }));

  it("closes what it refuses, where it should", () =>
    inLab(host, {}, async (lab) => {
      const asking = await ask(lab, { deny: HERE, refuse: { type: "close" } });
      const client = await lab.client();
      lab.cutOff();
      assert.equal(await ending(client), "fin");
      await assertCounted(asking, "denied");
    }));

  it("keeps whoever is refused waiting, and then resets them", () =>
    inLab(host, {}, async (lab) => {
      const asking = await ask(lab, { deny: HERE, refuse: { type: "tarpit", ms: 400 } });
      const client = await clientSaying(lab, "anything");
      const since = now();
      await assertCounted(asking, "denied");
      await assertRefused(lab, client, host);
      assert.ok(now() - since >= 300, `${now() - since} ms`);
    }));

  it("lets go of those that it keeps waiting when it closes", () =>
    inLab(host, {}, async (lab) => {
      const asking = await ask(lab, { deny: HERE, refuse: { type: "tarpit", ms: FOREVER } });
      const client = await lab.client();
      await assertCounted(asking, "denied");
      await lab.front.listeners[0]!.close();
      await assertRefused(lab, client, host);
    }));

  it("has so many connections of a client at a time, and others in its place once they have ended", () =>
    inLab(host, {}, async (lab) => {
      const asking = await ask(lab, { limits: { connections: 2 } });
      await lab.target("one", greeter("!"));
      const clients = [await lab.client(), await lab.client()];
      for (const client of clients) await readText(client, 1);
      await assertTurnedAway(lab, host);
      await assertCounted(asking, "client-connections");
      await clients[0]!.closeWrite();
      await lab.recorded(1);
      const next = await lab.client();
      assert.equal(await readText(next, 1), "!");
      for (const client of [clients[1]!, next]) await client.closeWrite();
      await lab.recorded(3);
      assert.deepEqual(asking.refusals(), { "client-connections": 1 });
    }));

  it("counts the connections of each client that headers name apart", () =>
    inLab(host, {}, async (lab) => {
      const asking = await ask(lab, { senders: HERE, limits: { connections: 1 } });
      await lab.target("one", greeter("!"));
      const one = await clientSaying(lab, as(1));
      const two = await clientSaying(lab, as(2));
      for (const client of [one, two]) await readText(client, 1);
      await assertRefused(lab, await clientSaying(lab, as(1)), host);
      await assertCounted(asking, "client-connections");
      await one.closeWrite();
      await lab.recorded(1);
      const again = await clientSaying(lab, as(1));
      assert.equal(await readText(again, 1), "!");
      for (const client of [two, again]) await client.closeWrite();
      await lab.recorded(3);
    }));

  it("counts a client once while it waits for its ClientHello, and no more when that never comes", () =>
    inLab(host, {}, async (lab) => {
      const routes = [{ names: ["a.test"], alpn: [] }];
      const asking = await ask(lab, { limits: { connections: 1 }, routes, prereadTimeout: 300 });
      for (let i = 0; i < 3; i++) await assertRefused(lab, await lab.client(), host);
      await assertCounted(asking, "no-hello", 3);
    }));

  it("gives a connection back that no target could be found for", () =>
    inLab(host, {}, async (lab) => {
      const asking = await ask(lab, { limits: { connections: 1 } });
      for (let i = 0; i < 5; i++) await lab.ask();
      assert.deepEqual(asking.refusals(), {});
    }));

  it("lets clients come no more often than they may, but for a burst", () =>
    inLab(host, {}, async (lab) => {
      const asking = await ask(lab, { limits: { rate: 0.01, burst: 3 } });
      for (let i = 0; i < 3; i++) await lab.ask();
      await assertTurnedAway(lab, host);
      await assertCounted(asking, "client-rate");
      await lab.recorded(3);
    }));
}
