/** A stop while clients connect without a pause: those that were connected are told, and the port is free for a successor. */
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { startClients } from "../support/client-storm.ts";
import { type Balancer, startBalancer } from "../support/cluster.ts";
import { dial } from "../support/peers.ts";
import { endPrograms } from "../support/program.ts";
import { readText } from "../support/stream.ts";

const STOPS = 3;
const TEXT = "nobody is here";
const OPTIONS = ["--unavailable", TEXT];
const skip = process.platform === "win32" && "Windows has no signals: a program is ended there, not asked to stop";

after(endPrograms);

function isLinuxEngine({ program }: Balancer): boolean {
  return program.log.some(({ message }) => /listening.*\(engine linux\)/.test(message));
}

describe("a balancer that is stopped under load", { skip }, () => {
  for (const threads of ["1", "4"]) {
    it(`resets none of its clients, ${threads} threads`, async (t) => {
      for (let i = 0; i < STOPS; i++) {
        const balancer = await startBalancer([...OPTIONS, "--threads", threads]);
        if (!isLinuxEngine(balancer)) {
          t.skip("the portable engine may reset a few");
          return;
        }
        const clients = await startClients(balancer.port);
        balancer.program.signal("SIGTERM");
        const { answers, losses } = await clients.outcome();
        assert.deepEqual(losses, {});
        assert.deepEqual(Object.keys(answers), [TEXT]);
        assert.deepEqual(await balancer.program.ended(), { code: 0, signal: null });
      }
    });
  }

  it("is not in the way of a successor that is started beside it", async () => {
    const balancer = await startBalancer(OPTIONS);
    balancer.program.signal("SIGTERM");
    const { port, adminPort } = balancer;
    const successor = await startBalancer(OPTIONS, { port, adminPort });
    const client = await dial(port);
    assert.equal(await readText(client), TEXT);
    await client.close();
    await successor.program.stop();
    await balancer.program.ended();
  });
});
