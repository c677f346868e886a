/** A balancer and a reporter inside a program use what the commands have written. */
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import harmony from "../../src/index.ts";
import { removeFolders } from "../support/folder.ts";
import { Host, Office } from "../support/invited.ts";
import { endServers, exchange, greeter, serve } from "../support/peers.ts";
import { endPrograms } from "../support/program.ts";
import { until, within } from "../support/wait.ts";

after(async () => {
  await endPrograms();
  await endServers();
  removeFolders();
});

describe("the library's options reporters and identity", () => {
  it("are the files of invitations: an invited client registers, and is out without its line", async () => {
    const [office, host] = [new Office(), new Host()];
    const code = await office.invite("app");
    const balancer = harmony.server({
      listen: "127.0.0.1:0",
      admin: "127.0.0.1:0",
      startHold: 0,
      reporters: office.reportersFile,
    });
    const { listen, admin } = await balancer.ready;
    const adminPort = admin[0]!.port;
    assert.equal((await host.join(adminPort, code)).code, 0);
    const target = await serve(greeter("served"));
    const reporter = harmony.client({ host: "127.0.0.1", adminPort, port: target.port, identity: host.identity });
    try {
      await within("the registration", reporter.ready);
      assert.equal(await within("an answer", exchange(listen[0]!.port, "")), "served");
      office.revoke("app");
      await until("its target to be out", () => balancer.targets().length === 0);
    } finally {
      await Promise.all([reporter.close(), balancer.close(0)]);
    }
  });
});
