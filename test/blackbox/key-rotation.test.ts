/** A key is exchanged one machine at a time, and no client notices. */
import assert from "node:assert/strict";
import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { portsOf } from "../support/cluster.ts";
import { removeFolders, temporaryFolder } from "../support/folder.ts";
import { isTargetEvent } from "../support/log.ts";
import { endServers, exchange, greeter, serve } from "../support/peers.ts";
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

/** Reports often, since a balancer looks at a session's key whenever a report comes. */
function report(adminPort: number, port: number, keys: string): Program {
  const places = ["--host", `127.0.0.1:${adminPort}`, "--port", String(port), "--key-file", keys];
  return start("harmony-reporter", [...places, ...LOG, "--ack", "50ms"]);
}

const registrations = ({ log }: Program): number => log.filter(({ message }) => /^registered/.test(message)).length;

describe("a key that is exchanged", () => {
  it("is valid together with the next one until it is taken out, and somebody serves all the time", async () => {
    const places = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--persistent", "off"];
    const args = [...places, ...LOG, "--algorithm", "roundrobin", "--key-file", keyFile("balancer", OLD)];
    const balancer = start("harmony-balancer", args);
    const { port, adminPort } = portsOf(await balancer.says(/^listening/));
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
    await firstA.kill();
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
    assert.ok(!balancer.log.some((line) => isTargetEvent(line, "leave", a)));
  });
});
