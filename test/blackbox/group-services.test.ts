/** A service that a reporter brings to one balancer of a group, on machines of their own: clients of the other one reach it too. */
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { removeFolders } from "../support/folder.ts";
import { GroupNetwork, type NetworkBalancer, type Place } from "../support/group-network/network.ts";
import { noNetworks } from "../support/machine.ts";
import { endPrograms } from "../support/program.ts";
import { endRedis, noRedis } from "../support/redis.ts";

const PORT = 5432;

after(async () => {
  await endPrograms();
  await endRedis();
  removeFolders();
});

/** What a client on that machine is told by the service of a balancer; or why it is not. */
async function asked({ machine }: Place, { address }: NetworkBalancer): Promise<string> {
  const client = machine.evaluate(
    `import("node:net").then(({ connect }) => connect(${PORT}, "${address}", function () { this.write("ask"); })
      .on("data", (text) => console.log(String(text).trim())).on("error", ({ code }) => console.log(code)))`,
  );
  assert.deepEqual(await client.ended(), { code: 0, signal: null }, client.stderr);
  return client.stdout.trim();
}

describe("a service that its reporter brings to one of two balancers", { skip: noNetworks || noRedis }, () => {
  it("is open at both as long as it is there", async () => {
    const network = await GroupNetwork.start();
    const lines = ['service-timeout = "1s"', 'host-timeout = "20s"'];
    const allowed = `pool=db listen=${PORT}`;
    const [first, second] = [await network.balancer(lines, allowed), await network.balancer(lines, allowed)];
    const elsewhere = await network.place();
    assert.equal(await asked(elsewhere, second), "ECONNREFUSED");

    const { reporter } = await network.host([{ id: "one", pool: "db", lines: [`listen = ${PORT}`] }], [first]);
    for (const { program } of [first, second]) {
      await program.says(new RegExp(`^port ${PORT} is open for pool db`));
      await program.says(/^target db\/one is up/);
    }
    for (const balancer of [first, second]) assert.equal(await asked(elsewhere, balancer), "one");
    const targets = await second.targets();
    assert.deepEqual(
      targets.map(({ id, sources }) => [id, sources]),
      [["db/one", ["shared"]]],
    );

    assert.deepEqual(await reporter.stop(), { code: 0, signal: null });
    for (const { program } of [first, second]) await program.says(new RegExp(`^port ${PORT} of pool db is closed`));
    for (const balancer of [first, second]) assert.equal(await asked(elsewhere, balancer), "ECONNREFUSED");
  });
});
