/** A reporter behind a router that translates addresses: which target is registered must not depend on who passes its words on. */
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { KEY } from "../support/cluster.ts";
import { removeFolders } from "../support/folder.ts";
import { programCommand, scriptCommand } from "../support/form.ts";
import { endPrograms, type Program } from "../support/program.ts";
import { noRouters, Router } from "../support/router.ts";
import { until } from "../support/wait.ts";

after(async () => {
  await endPrograms();
  removeFolders();
});

/** A balancer outside and a server inside, behind a router. `words`: what the key allows. */
async function worldWith(words: string, setUp: (router: Router) => void) {
  const router = await Router.start();
  setUp(router);
  const env = { HARMONY_KEY: `${KEY} ${words}` };
  const { inside, outside } = router;
  const balancer = outside.run([...programCommand("harmony-balancer"), "--listen", "3000", "--start-hold", "0"], env);
  await balancer.says(/^listening/);
  const server = inside.run(scriptCommand("examples/wrapped-server/server.mjs"), { PORT: "8080" });
  await until("the server", () => server.stdout.includes("serving"));
  const report = (host: string, ...args: readonly string[]): Program =>
    inside.run([...programCommand("harmony-reporter"), "--host", host, "--port", "8080", ...args], env);
  return { report, served: () => outside.ask("http://127.0.0.1:3000/") };
}

describe("a reporter behind a router", { skip: noRouters }, () => {
  it("that hides it is refused with what to do: the target would be the router", async () => {
    const { report, served } = await worldWith("", (router) => router.masquerade());
    const { message } = await report("10.2.0.2").says(/rejects this reporter|^registered/);
    assert.match(
      message,
      /the reporter connects from 10\.1\.0\.2:\d+, but is seen at 10\.2\.0\.1:\d+: .* add nat to key/,
    );
    assert.equal(await served(), "");
  });

  it("that hides it is taken in at the router's address where its key says nat, and served through a port that the router forwards", async () => {
    const { report, served } = await worldWith("nat", (router) => {
      router.masquerade();
      router.forward(8080, "10.1.0.2:8080");
    });
    await report("10.2.0.2").says(/^registered .* as default\/10\.2\.0\.1:8080$/);
    assert.equal(await served(), "served on port 8080");
  });

  it("that hides it may say where its server is instead, if its key allows that", async () => {
    const { report, served } = await worldWith("advertise=10.1.0.0/24", (router) => router.masquerade());
    await report("10.2.0.2", "--advertise", "10.1.0.2").says(/^registered .* as default\/10\.1\.0\.2:8080$/);
    assert.equal(await served(), "served on port 8080");
  });

  it("that only forwards the balancer's port needs no leave: the reporter is seen where it is", async () => {
    const { report, served } = await worldWith("", (router) => router.forward(1666, "10.2.0.2:1666"));
    await report("10.1.0.1").says(/^registered .* as default\/10\.1\.0\.2:8080$/);
    assert.equal(await served(), "served on port 8080");
  });
});
