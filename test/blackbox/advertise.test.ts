/** A reporter with a stolen key, on another machine, that wants clients to reach what only the balancer's machine reaches. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { KEY } from "../support/cluster.ts";
import { removeFolders } from "../support/folder.ts";
import { programCommand } from "../support/form.ts";
import { Machine, noNetworks } from "../support/machine.ts";
import { endPrograms, type Program } from "../support/program.ts";
import { until } from "../support/wait.ts";

const BALANCER = "10.0.0.1";
const PRIVATE_PORT = 9000;

after(async () => {
  await endPrograms();
  removeFolders();
});

describe("a private service on the balancer's machine", { skip: noNetworks }, () => {
  let here: Machine;
  let afar: Machine;
  let balancer: Program;

  before(async () => {
    [here, afar] = [await Machine.withNetwork(), await Machine.withNetwork()];
    here.connect("here", BALANCER, afar, "afar", "10.0.0.2");
    const listen = `listen(${PRIVATE_PORT}, "127.0.0.1", () => console.log("ready"))`;
    const service = here.evaluate(
      `import("node:http").then(({ createServer }) => createServer((_, answer) => answer.end("private")).${listen})`,
    );
    await until("the private service", () => service.stdout.includes("ready"));
    balancer = here.run([...programCommand("harmony-balancer"), "--listen", "3000", "--start-hold", "0"], {
      HARMONY_KEY: `${KEY} advertise=0.0.0.0/0,127.0.0.0/8,::/0,::1,64:ff9b::/96,2002::/16`,
    });
    await balancer.says(/^listening/);
  });

  function report(from: Machine, advertise: string, host: string): Program {
    const args = ["--host", host, "--port", String(PRIVATE_PORT), "--advertise", advertise];
    return from.run([...programCommand("harmony-reporter"), ...args], { HARMONY_KEY: KEY });
  }

  for (const advertise of [
    ...["127.0.0.1", "127.9.9.9", "localhost", "::1", "::ffff:127.0.0.1", "64:ff9b::127.0.0.1", "2002:7f00:1::"],
    ...[BALANCER, "0.0.0.0", "169.254.169.254"],
  ]) {
    it(`is not read through the clients' port by a reporter from afar that advertises ${advertise}`, async () => {
      const reporter = report(afar, advertise, BALANCER);
      const { message } = await reporter.says(/rejects this reporter|^registered/);
      assert.match(message, /own host|link-local|not the address of a host/);
      assert.equal(await afar.ask(`http://${BALANCER}:3000/`), "");
      await reporter.stop();
    });
  }

  it("may be announced by a reporter beside it, where the key allows that", async () => {
    const reporter = report(here, "127.0.0.1", "127.0.0.1");
    await reporter.says(/^registered .* as default\/127\.0\.0\.1:9000$/);
    assert.equal(await afar.ask(`http://${BALANCER}:3000/`), "private");
  });
});
