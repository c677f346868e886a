/** Health as the server's side sees it: a role that moves from one server to another, and HAProxy that asks a reporter. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { startBalancer, startReporter } from "../support/cluster.ts";
import { dial, echoServer, endServers, exchange, greeter, serve } from "../support/peers.ts";
import { freePort } from "../support/ports.ts";
import { endPrograms, Program } from "../support/program.ts";
import { missing } from "../support/real-servers.ts";
import { PATIENCE_MS, until } from "../support/wait.ts";

/** The bar: ms from the moment at which another server has the role to the first client that it serves. */
const BAR_MS = 100;
/** Of a machine with much else to do nothing is asked: it is late by more than this with a timer of its own. */
const BUSY_MS = 10;
/** One in time is enough. A balancer takes ten changes of a target at once, then two a second. */
const SWITCHES = 8;

const roles: Server[] = [];

after(async () => {
  await endPrograms();
  await endServers();
  for (const each of roles) each.close();
});

/** Answers 200 to GET /primary while `isPrimary` says so, as Patroni does. Its port. */
async function role(isPrimary: () => boolean): Promise<number> {
  const server = createServer((_, response) => response.writeHead(isPrimary() ? 200 : 503).end());
  roles.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

/** The most by which a timer of this process comes late, ms, until that is asked. */
function watchLateness(): () => number {
  let most = 0;
  let due = performance.now() + 1;
  const timer = setInterval(() => {
    most = Math.max(most, performance.now() - due);
    due = performance.now() + 1;
  }, 1);
  return () => {
    clearInterval(timer);
    return most;
  };
}

describe("a role that moves from one server to another", () => {
  it("takes the clients along within 100 ms, with nothing edited anywhere", async () => {
    let primary = "a";
    const balancer = await startBalancer();
    for (const name of ["a", "b"]) {
      const server = await serve(greeter(name));
      const port = await role(() => primary === name);
      const check = `http://127.0.0.1:${port}/primary interval=25ms rise=1 fall=1`;
      await startReporter(balancer, server.port, ["--check", check]);
    }
    const isServedBy = async (name: string) => {
      const late = performance.now() + PATIENCE_MS;
      while ((await exchange(balancer.port, "").catch(() => "")) !== name) {
        assert.ok(performance.now() < late, `${name} serves nobody`);
        await new Promise((resolve) => setTimeout(resolve, 2)); // the checks need the processor as well
      }
    };
    await isServedBy("a");
    const taken: number[] = [];
    const lateness: number[] = [];
    while (!taken.some((ms) => ms <= BAR_MS) && taken.length < SWITCHES) {
      primary = primary === "a" ? "b" : "a";
      const late = watchLateness();
      const switched = performance.now();
      await isServedBy(primary);
      taken.push(performance.now() - switched);
      lateness.push(late());
      const other = primary === "a" ? "b" : "a";
      await until(`${other} is out`, async () => {
        const answers = await Promise.all([1, 2, 3, 4].map(() => exchange(balancer.port, "").catch(() => other)));
        return !answers.includes(other);
      });
    }
    const shown = taken.map((ms, n) => `${ms.toFixed(0)} (late by ${lateness[n]!.toFixed(0)})`).join(", ");
    const isBusy = lateness.every((ms) => ms > BUSY_MS);
    assert.ok(isBusy || taken.some((ms) => ms <= BAR_MS), `ms of each switch: ${shown}`);
    await balancer.program.says(
      /is down: its reporter says so \(its check http:\/\/127.0.0.1:\d+\/primary fails \(HTTP 503\)\)/,
    );
  });
});

describe("HAProxy that asks a reporter's agent port", { skip: missing("haproxy", "-v") }, () => {
  it("has the server up, then drained, then down as the reporter has it", async () => {
    let isWell = true;
    const balancer = await startBalancer();
    const server = await echoServer();
    const [agentPort, port] = [await freePort(), await freePort()];
    const check = `http://127.0.0.1:${await role(() => isWell)}/ interval=50ms rise=1 fall=1`;
    const options = ["--check", check, "--agent-port", `127.0.0.1:${agentPort}`, "--max-connections", "7"];
    const reporter = await startReporter(balancer, server.port, options);
    const haproxy = await startHaproxy(port, server.port, agentPort);
    await until("HAProxy has it up", () => haproxy.stateIs({ status: "UP", agent_status: "L7OK", slim: "7" }));
    assert.equal(await exchange(port, "served"), "served");
    isWell = false;
    await until("HAProxy has it down", () => haproxy.stateIs({ status: /^DOWN/, last_agt: /HTTP 503/ }));
    isWell = true;
    await until("HAProxy has it up again", () => haproxy.stateIs({ status: "UP" }));
    const client = await dial(balancer.port); // for which the reporter waits before it leaves
    await client.write(Buffer.from("x"));
    assert.equal((await client.read())?.length, 1);
    reporter.signal("SIGTERM");
    await until("HAProxy drains it", () => haproxy.stateIs({ status: /^DRAIN/ }));
    client.abort();
  });
});

interface Haproxy {
  /** The server's line of `show stat`. */
  state(): Promise<Readonly<Record<string, string>>>;
  stateIs(wanted: Readonly<Record<string, string | RegExp>>): Promise<boolean>;
}

async function startHaproxy(port: number, serverPort: number, agentPort: number): Promise<Haproxy> {
  const folder = mkdtempSync(join(tmpdir(), "harmony-haproxy-"));
  after(() => rmSync(folder, { recursive: true }));
  const socket = join(folder, "stats");
  const config = join(folder, "haproxy.cfg");
  writeFileSync(
    config,
    [
      `global\n  stats socket ${socket} level admin`,
      "defaults\n  mode tcp\n  timeout connect 1s\n  timeout client 10s\n  timeout server 10s",
      `listen here\n  bind 127.0.0.1:${port}`,
      `  server one 127.0.0.1:${serverPort} check inter 100ms agent-check agent-port ${agentPort} agent-inter 100ms\n`,
    ].join("\n"),
  );
  new Program(["haproxy", "-db", "-f", config]);
  const state = async () => {
    const [head = "", ...lines] = (await ask(socket, "show stat")).split("\n");
    const names = head.replace(/^# /, "").split(",");
    const values = lines.find((line) => line.startsWith("here,one,"))?.split(",") ?? [];
    return Object.fromEntries(names.map((name, index) => [name, values[index] ?? ""]));
  };
  await until("HAProxy answers", () => state().catch(() => null));
  return {
    state,
    async stateIs(wanted) {
      const found = await state();
      return Object.entries(wanted).every(([name, value]) =>
        typeof value === "string" ? found[name] === value : value.test(found[name] ?? ""),
      );
    },
  };
}

function ask(path: string, command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    const socket = connect(path, () => socket.end(`${command}\n`));
    socket.setEncoding("utf8").on("data", (some: string) => {
      text += some;
    });
    socket.on("error", reject).on("close", () => resolve(text));
  });
}
