/** A key is exchanged one machine at a time, and no client notices; one that is taken away takes its targets with it. */
import assert from "node:assert/strict";
import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { portsOf } from "../support/cluster.ts";
import { removeFolders, temporaryFolder } from "../support/folder.ts";
import { isTargetEvent, reasonOfLeave } from "../support/log.ts";
import { echoServer, endServers, exchange, greeter, openConnection, serve } from "../support/peers.ts";
import { endPrograms, type Program, start } from "../support/program.ts";
import { until, within } from "../support/wait.ts";

const OLD = "old:a-key-that-has-been-in-use-for-long";
const NEW = "new:a-key-that-is-to-take-its-place";
const LOG = ["--log-format", "json", "--log-level", "debug"];

const folder = temporaryFolder("keys");

after(async () => {
  await endPrograms();
  await endServers();
  removeFolders();
});

/** Writes a key file as whole as `mv` does, and returns its path. */
function keyFile(name: string, ...keys: readonly string[]): string {
  const path = join(folder, name);
  writeFileSync(`${path}.draft`, keys.map((key) => `${key}\n`).join(""), { mode: 0o600 });
  renameSync(`${path}.draft`, path);
  return path;
}

async function balance(keys: string, ...args: readonly string[]) {
  const places = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--persistent", "off"];
  const how = ["--algorithm", "roundrobin", "--key-file", keys];
  const balancer = start("harmony-balancer", [...places, ...LOG, ...how, ...args]);
  return { balancer, ...portsOf(await balancer.says(/^listening/)) };
}

/** Reports often, since a balancer looks at a session's key whenever a report comes. */
function report(adminPort: number, port: number, keys: string): Program {
  const places = ["--host", `127.0.0.1:${adminPort}`, "--port", String(port), "--key-file", keys];
  return start("harmony-reporter", [...places, ...LOG, "--ack", "50ms"]);
}

const registrations = ({ log }: Program): number => log.filter(({ message }) => /^registered/.test(message)).length;

describe("a key that is exchanged", () => {
  it("is valid together with the next one until it is taken out, and somebody serves all the time", async () => {
    const { balancer, port, adminPort } = await balance(keyFile("balancer", OLD));
    const servers = await Promise.all(["a", "b"].map((name) => serve(greeter(name))));
    const [a, b] = servers.map((server) => server.port) as [number, number];
    const both = async () => {
      const answers = [await exchange(port, ""), await exchange(port, "")];
      assert.deepEqual(answers.sort(), ["a", "b"]);
    };
    const firstA = report(adminPort, a, keyFile("a", OLD));
    const reporterB = report(adminPort, b, keyFile("b", OLD));
    await Promise.all([firstA.says(/^registered/), reporterB.says(/^registered/)]);
    await both();

    // The next key is added, and one machine gets it; the other goes on with the old one.
    keyFile("balancer", OLD, NEW);
    await firstA.stop(); // its target leaves, since it belongs to the key
    const reporterA = report(adminPort, a, keyFile("a", NEW));
    await reporterA.says(/^registered/);
    await both();
    assert.equal(registrations(reporterB), 1, "nothing has happened to it");

    // The other machine gets it, too, and then the old one is taken out. No reporter is restarted.
    keyFile("b", NEW);
    keyFile("balancer", NEW);
    await until("b to be back", async () => {
      assert.match(await within("an answer", exchange(port, "")), /^[ab]$/);
      return registrations(reporterB) === 2;
    });
    await balancer.says(/"old"/);
    await both();
    assert.equal(registrations(reporterA), 1, "nothing has happened to it");

    const late = report(adminPort, a, keyFile("late", OLD));
    await late.says(/rejects this reporter/);
    assert.equal(balancer.log.filter((line) => isTargetEvent(line, "leave", a)).length, 1);
  });
});

describe("a key that is taken away", () => {
  it("takes its targets out within a second, though their time is a day and one has lost its reporter; open connections go on", async () => {
    const file = keyFile("two", OLD, NEW);
    const { balancer, port, adminPort } = await balance(file, "--host-timeout", "1d");
    const servers = [await echoServer(), await echoServer(), await serve(greeter("stays"))];
    const [a, b, c] = servers.map((server) => server.port) as [number, number, number];
    const [reporterA, reporterB] = [report(adminPort, a, keyFile("a", OLD)), report(adminPort, b, keyFile("b", OLD))];
    await Promise.all([reporterA.says(/^registered/), reporterB.says(/^registered/)]);
    await balancer.says(new RegExp(`:${a} is up`));
    await balancer.says(new RegExp(`:${b} is up`));
    const open = [await openConnection(port), await openConnection(port)];
    const reporterC = report(adminPort, c, keyFile("c", NEW));
    await reporterC.says(/^registered/);
    await reporterB.kill();
    await balancer.says(/connection with the reporter .* was lost/);

    keyFile("two", NEW);
    const since = performance.now();
    await until("both to leave", () => [a, b].every((each) => reasonOfLeave(balancer.log, each) === "revoked"));
    const took = performance.now() - since;
    assert.ok(took < 2_000, `${took} ms`); // one, and what a loaded machine adds
    await reporterA.says(/rejects this reporter/);
    for (let count = 0; count < 3; count++) assert.equal(await exchange(port, ""), "stays");
    for (const { ask } of open) await ask("still here");
    assert.equal(registrations(reporterC), 1, "nothing has happened to it");
  });
});
