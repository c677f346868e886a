/** A balancer under load is seen and steered by its commands, and a reporter tells of itself. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { Page } from "../../src/admin/api/schemas/common.ts";
import type { Connection } from "../../src/admin/api/schemas/connections.ts";
import type { Event } from "../../src/admin/api/schemas/people.ts";
import type { ReporterStatus } from "../../src/admin/reporter/schema.ts";
import { type Balancer, launchReporter, startBalancer } from "../support/cluster.ts";
import { removeFolders, temporaryFolder } from "../support/folder.ts";
import { echoServer, endServers, exchange, openConnection } from "../support/peers.ts";
import { endPrograms, type Program, start } from "../support/program.ts";
import { until, within } from "../support/wait.ts";

const skip = process.platform === "win32" && "Windows has no sockets that a file guards";

const folder = temporaryFolder("operating");
const socket = join(folder, "api.sock");
const ofReporter = join(folder, "reporter.sock");
const env = { HARMONY_API: `unix:${socket}`, HARMONY_STATUS_SOCKET: `unix:${ofReporter}` };
let balancer: Balancer;
let reporter: Program;
let targetPort: number;

after(async () => {
  await endPrograms();
  await endServers();
  removeFolders();
});

function harmony(...args: string[]): Program {
  return start("harmony-balancer", args, { env });
}

async function run(...args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const program = harmony(...args);
  const { code } = await program.ended();
  return { code, stdout: program.stdout, stderr: program.stderr };
}

async function connections(...args: string[]): Promise<Page<Connection>> {
  return JSON.parse((await run("connections", "--json", ...args)).stdout);
}

describe("commands and a balancer that runs", { skip }, () => {
  before(async () => {
    balancer = await startBalancer(["--unavailable", "nobody"], { env });
    targetPort = (await echoServer()).port;
    reporter = launchReporter([balancer.adminPort], targetPort, [
      "--id",
      "one",
      "--status-socket",
      `unix:${ofReporter}`,
    ]);
    await reporter.says(/registered/i);
    await until("the target to be up", async () => /default\/one +up/.test((await run("targets")).stdout));
  });

  it("see who is connected, and end it", async () => {
    const { connection, ask } = await openConnection(balancer.port);
    await ask("hello");
    const { items } = await connections("--target", "one");
    assert.equal(items.length, 1);
    assert.deepEqual(
      [items[0]!.target, items[0]!.phase, items[0]!.bytesIn],
      ["default/one", "relay", "first\nhello\n".length],
    );
    assert.equal((await run("kill", items[0]!.id)).stdout, "1 connection ended\n");
    await within(
      "the end of the connection",
      connection.read().then(
        (bytes) => bytes,
        () => null,
      ),
    );
    connection.abort();
    assert.equal((await run("kill", items[0]!.id)).code, 3);
  });

  it("drain a target, wait for the last connection, and take it back", async () => {
    const { connection, ask } = await openConnection(balancer.port);
    await ask("hello");
    const late = await run("drain", "one", "--wait", "--timeout", "10ms");
    assert.equal(late.code, 4);
    assert.match(late.stderr, /^1 connection did not finish within 10ms; the order stays$/m);
    assert.equal((await run("drain", "one", "--timeout", "1s")).code, 2);
    assert.equal(await exchange(balancer.port, ""), "nobody");
    const left = harmony("drain", "one", "--wait");
    await until("it to wait", () => left.stderr.includes("waiting for 1 connection to finish"));
    left.signal("SIGINT");
    assert.equal((await left.ended()).code, 130);
    assert.match(left.stderr, /\nnot waited for: the order stays/);
    const waiting = harmony("drain", "one", "--wait");
    await ask("still here");
    await connection.close();
    const { code } = await waiting.ended();
    assert.equal(code, 0, waiting.stderr);
    assert.match(waiting.stdout, /^default\/one: drained, (the last connection has gone after|no connection was open)/);
    assert.match((await run("ready", "one")).stdout, /^default\/one: (up|nothing is ordered of it any more)/);
    await until("the target to serve again", async () => (await exchange(balancer.port, "again")) === "again");
  });

  it("follow what happens, orders among it", async () => {
    const following = harmony("events", "-f", "-n", "0", "--json");
    const seen = () => following.printed as Event[];
    const again = async () => {
      await run("weight", "one", "50%");
      await run("weight", "one", "own");
      return seen().some(({ kind, target }) => kind === "ordered" && target === "default/one");
    };
    await until("an order to be told", again);
  });

  it("see at a glance that it serves, and that it does not any more", async () => {
    const { code, stdout } = await run("status");
    assert.equal(code, 0);
    assert.match(stdout, /^harmony-balancer \S+ on \S+, serving for /);
    assert.equal((await run("status", "-q")).code, 0);
  });
});

describe("harmony-reporter status", { skip }, () => {
  const ask = async (...args: string[]) => {
    const program = start("harmony-reporter", ["status", ...args], { env });
    const { code } = await program.ended();
    return { code, stdout: program.stdout, stderr: program.stderr };
  };

  it("says what a reporter says, to whom, and what was answered", async () => {
    const shown = await ask();
    assert.equal(shown.code, 0);
    assert.match(shown.stdout, /says: port \d+ in pool default, as one, weight 500, up\n/);
    assert.match(shown.stdout, /127\.0\.0\.1:\d+ +default\/one +registered /);
    const [status] = JSON.parse((await ask("--json")).stdout) as ReporterStatus[];
    assert.equal(status!.targets[0]!.port, targetPort);
    assert.equal(status!.balancers[0]!.targets[0]!.active, 0);
  });

  it("says since when a balancer is gone, and then that no reporter is there", async () => {
    await balancer.program.stop();
    await reporter.says(/no connection with/);
    const lost = await ask();
    assert.equal(lost.code, 1);
    assert.match(lost.stdout, /default\/one +lost .*refused/);
    reporter.signal("SIGTERM");
    await reporter.says(/draining/);
    await reporter.stop();
    assert.ok(!existsSync(ofReporter));
    const nobody = await ask();
    assert.equal(nobody.code, 1);
    assert.match(nobody.stderr, /no reporter answers: none in .*reporter\.sock/);
  });
});
