/** What the linux engine does with clients that are asked something first, beside what all engines do. */
import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import { answerer } from "../../support/peers.ts";
import { ending, readText, send } from "../../support/stream.ts";
import { until } from "../../support/wait.ts";
import { ask, HERE } from "../edge/asking.ts";
import { inLab } from "../lab.ts";
import { SimulatedHost } from "./simulation/simulated-host.ts";

/** A header of version 2 that names nobody, but for its length and what follows. */
const V2_LOCAL = "\r\n\r\n\0\r\nQUIT\n\x20\0";
const HEADER = "PROXY TCP4 192.0.2.1 192.0.2.2 4000 80\r\n";

describe("linux engine, reception", () => {
  const host = new SimulatedHost({}, { turnMs: 0.01 });
  let end: () => void;
  before(() => {
    end = host.run();
  });
  afterEach(() => host.assertEmpty());
  after(() => end());

  it("looks at a header that comes in many packets when it may be whole", () =>
    inLab(host, {}, async (lab) => {
      await lab.target("t", answerer("hi"));
      await ask(lab, { senders: HERE });
      const client = await lab.client();
      const rest = ["\x01\xff", "\x04\x01\xfc", ..."0123456789".repeat(50).match(/.{10}/g)!, "01234567"];
      const trace = host.trace();
      for (const piece of [V2_LOCAL, ...rest]) await client.write(Buffer.from(piece, "latin1"));
      await client.closeWrite();
      assert.equal(await readText(client), "hi");
      const looks = trace.filter(({ name }) => name === "recv").length;
      assert.ok(looks < rest.length / 2, `${looks} calls of recv() for ${rest.length} packets`);
      await lab.recorded(1);
    }));

  it("resets who is being asked when the listener closes", () =>
    inLab(host, {}, async (lab) => {
      await ask(lab, { senders: HERE });
      const client = await lab.client();
      await send(client, HEADER.slice(0, 5));
      await lab.front.listeners[0]!.close();
      assert.match(await ending(client), /ECONNRESET/);
      lab.cutOff();
    }));

  it("lets those who are being asked when it gets other rules be asked by these, with what they have sent", () =>
    inLab(host, {}, async (lab) => {
      await lab.target("t", answerer("hi"));
      const former = await ask(lab, { senders: HERE });
      const client = await lab.client();
      await send(client, HEADER.slice(0, 5));
      const denied = await lab.client();
      await send(denied, HEADER.slice(0, 5));
      const latter = await ask(lab, { senders: HERE, limits: { connections: 1 } });
      for (const each of [client, denied]) {
        await send(each, HEADER.slice(5));
        await until("a decision", () => lab.view("t").active + (latter.refusals()["client-connections"] ?? 0) > 0);
      }
      lab.cutOff();
      await client.closeWrite();
      assert.equal(await readText(client), "hi");
      const [record] = await lab.recorded(1);
      assert.equal(record!.client.host, "192.0.2.1");
      assert.deepEqual(former.refusals(), {});
      assert.deepEqual(latter.refusals(), { "client-connections": 1 });
    }));

  it("gives those who are being asked to the pool that the listener has in place of its rules", () =>
    inLab(host, {}, async (lab) => {
      await lab.target("t", answerer("hi"));
      await ask(lab, { routes: [{ names: ["a.test"], alpn: [] }] });
      const client = await lab.client();
      await send(client, "\x16");
      await lab.front.listeners[0]!.serve(lab.pool);
      await client.closeWrite();
      assert.equal(await readText(client), "hi");
      const [record] = await lab.recorded(1);
      assert.equal(record!.bytesIn, 1);
    }));
});
