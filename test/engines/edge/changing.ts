/** What becomes of clients that are still asked something when what holds for them changes, and of listeners of our own. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { innerTlvs } from "../../../src/edge/inner-header.ts";
import { writeProxyHeader } from "../../../src/edge/proxy-header/write.ts";
import { clientHello } from "../../support/client-hellos.ts";
import { answerer, echo, greeter } from "../../support/peers.ts";
import { ANY_PORT } from "../../support/ports.ts";
import { readText, send, text } from "../../support/stream.ts";
import { settle, until } from "../../support/wait.ts";
import { tcp } from "../front.ts";
import type { Host } from "../host.ts";
import { inLab } from "../lab.ts";
import {
  ask,
  askingFor,
  assertCounted,
  assertRefused,
  assertTurnedAway,
  clientSaying,
  FOREVER,
  HERE,
} from "./asking.ts";

const V1 = "PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n";
const PROXY_BEFORE = { host: "192.0.2.200", port: 4_000 };
const NAMED = [{ names: ["a.test"], alpn: [] }];

export function changing(host: Host): void {
  it("serves those that were asked something, once nothing is asked any more, with what they had sent", () =>
    inLab(host, {}, async (lab) => {
      await ask(lab, { routes: NAMED });
      await lab.target("one", echo);
      const client = await clientSaying(lab, Uint8Array.of(22, 3, 1));
      await settle();
      await lab.front.listeners[0]!.serve(lab.pool);
      await send(client, "hello");
      await client.closeWrite();
      assert.equal((await readText(client)).length, 8);
      await lab.recorded(1);
    }));

  it("asks them by the rules that hold when they have sent all", () =>
    inLab(host, {}, async (lab) => {
      const other = await lab.another("other", { listen: [] });
      await lab.target("one", answerer("one"));
      await lab.target("two", answerer("two"), {}, other);
      const former = await ask(lab, { senders: HERE, routes: NAMED });
      const hello = clientHello({ serverName: "a.test" });
      const client = await clientSaying(lab, text(V1));
      await client.write(hello.subarray(0, 40));
      await settle();
      const asking = await ask(lab, { senders: HERE, routes: NAMED }, [other.pool]);
      await lab.engine.removePool(lab.pool, 0); // nobody comes to it any more
      await client.write(hello.subarray(40));
      await client.closeWrite();
      assert.equal(await readText(client), "two");
      const [record] = await lab.recorded(1);
      assert.deepEqual([record!.pool, record!.client.host], ["other", "192.0.2.1"]);
      assert.deepEqual([former.refusals(), asking.refusals()], [{}, {}]);
    }));

  it("gives back what those held of the former rules' limits", () =>
    inLab(host, {}, async (lab) => {
      await lab.target("one", greeter("!"));
      const limited = askingFor({ limits: { connections: 1 }, routes: NAMED });
      const listener = lab.front.listeners[0]!;
      await listener.serve({ rules: limited.rules, pools: [lab.pool] });
      const waiting = await lab.client();
      await settle();
      await listener.serve({ rules: { ...limited.rules, limits: null }, pools: [lab.pool] });
      await listener.serve({ rules: { ...limited.rules, routes: [{ names: [], alpn: [] }] }, pools: [lab.pool] });
      assert.equal(await readText(waiting, 1), "!");
      await assertTurnedAway(lab, host);
      await assertCounted(limited, "client-connections");
      await waiting.closeWrite();
      await lab.recorded(1);
      const next = await lab.client();
      assert.equal(await readText(next, 1), "!");
      await next.closeWrite();
      await lab.recorded(2);
    }));

  it("resets those that are asked something when their listener closes", () =>
    inLab(host, { listen: [ANY_PORT, ANY_PORT] }, async (lab) => {
      await lab.target("one", greeter("!"));
      const asking = await ask(lab, { senders: HERE, prereadTimeout: FOREVER });
      const client = await clientSaying(lab, V1.slice(0, 20));
      await settle();
      await lab.front.listeners[0]!.close();
      await assertRefused(lab, client, host);
      assert.deepEqual(asking.refusals(), {});
      const other = await lab.client(lab.addresses[1]);
      assert.equal(await readText(other, 1), "!");
      await other.closeWrite();
      await lab.recorded(1);
    }));

  it("resets those that are asked something when the engine closes", () =>
    inLab(host, {}, async (lab) => {
      await ask(lab, { senders: HERE, prereadTimeout: FOREVER });
      const client = await clientSaying(lab, V1.slice(0, 20));
      await settle();
      await lab.engine.close(60_000);
      await assertRefused(lab, client, host);
    }));

  it("takes the word of those alone who know a listener's secret, and names the address that clients know", () =>
    inLab(host, {}, async (lab) => {
      const other = await lab.another("other", { listen: [] });
      await lab.target("two", answerer("two"), {}, other);
      const secret = Uint8Array.from({ length: 32 }, (_, i) => i);
      const { rules, refusals } = askingFor({ secret, routes: [{ names: ["a.test"], alpn: [] }, ...NAMED] });
      const inner = await lab.engine.bind(ANY_PORT, { keepalive: 60_000, shownAs: "0.0.0.0:443" });
      await inner.serve({ rules, pools: [lab.pool, other.pool] });
      const bring = async (key: Uint8Array, route: number) => {
        const client = await lab.client(tcp(inner.address));
        const from = { host: "2001:db8::7", port: 7 };
        const to = { host: "2001:db8::1", port: 443 };
        const custom = innerTlvs(key, route, PROXY_BEFORE);
        await client.write(writeProxyHeader(2, { client: from, destination: to, serverName: "a.test", custom }));
        await client.closeWrite();
        return client;
      };
      assert.equal(await readText(await bring(secret, 1)), "two");
      const [record] = await lab.recorded(1);
      assert.deepEqual(record!.client, { host: "2001:db8::7", port: 7 });
      assert.deepEqual([record!.listener, record!.pool, record!.facts!.serverName], ["0.0.0.0:443", "other", "a.test"]);
      assert.deepEqual(record!.facts!.via, PROXY_BEFORE);
      await inner.serve({ rules, pools: [lab.pool, null] });
      for (const gone of [1, 7]) await assertRefused(lab, await bring(secret, gone), host);
      await until("both clients without a pool", () => refusals()["no-route"] === 2);
      for (const key of [secret.toReversed(), new Uint8Array(0)]) await assertRefused(lab, await bring(key, 1), host);
      await until("both refusals", () => refusals()["untrusted-sender"] === 2);
      await inner.close();
    }));
}
