/** All reporters lost at once, as by a change of a firewall: the way between them and the admin port is cut, all servers work. */
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { runtime } from "#runtime";
import type { Connection, Listener } from "../../src/net/runtime.ts";
import { type Balancer, KEY, launchReporter, startBalancer } from "../support/cluster.ts";
import { field, isTargetEvent } from "../support/log.ts";
import { endServers, exchange, greeter, serve } from "../support/peers.ts";
import { LOOPBACK } from "../support/ports.ts";
import { endPrograms, type Program } from "../support/program.ts";
import { until, within } from "../support/wait.ts";

/** A report comes three times in it: on a machine that is busy none may be late by two thirds of it. */
const LEASE_MS = 5_000;

const ways: Way[] = [];

after(async () => {
  await endPrograms();
  await Promise.all(ways.map((way) => way.cut()));
  await endServers();
});

/** The way to a port, which can be cut and mended. */
class Way {
  readonly #to: number;
  readonly #open = new Set<Connection>();
  #listener: Listener | null = null;
  port = 0;

  constructor(to: number) {
    this.#to = to;
  }

  async mend(): Promise<void> {
    const place = { host: LOOPBACK, port: this.port };
    this.#listener = await runtime.listen(place, (reporter) => void this.#join(reporter));
    this.port = this.#listener.address.port;
  }

  /** Whoever is connected is cut off, and nobody gets through. */
  async cut(): Promise<void> {
    const closed = this.#listener?.close();
    this.#listener = null;
    for (const connection of this.#open) connection.abort();
    await closed;
  }

  async #join(reporter: Connection): Promise<void> {
    this.#open.add(reporter);
    const balancer = await runtime.connect({ to: { host: LOOPBACK, port: this.#to } });
    this.#open.add(balancer);
    if (this.#listener === null) await this.cut();
    await Promise.all([pass(reporter, balancer), pass(balancer, reporter)]);
  }
}

/** To the end, in whatever way it comes. */
async function pass(from: Connection, to: Connection): Promise<void> {
  try {
    for (let bytes = await from.read(); bytes !== null; bytes = await from.read()) await to.write(bytes.slice());
    await to.close();
  } catch (error) {
    void error; // cut
    to.abort();
  }
}

async function cluster(args: readonly string[]) {
  const lease = `${LEASE_MS}ms`;
  const options = ["--algorithm", "roundrobin", "--host-timeout", lease, ...args];
  // Whoever comes by the way is seen at the way's end, as through a tunnel that ends here: it has to say where its target is.
  const balancer = await startBalancer(options, { env: { HARMONY_KEY: `${KEY} advertise=${LOOPBACK}` } });
  const way = new Way(balancer.adminPort);
  ways.push(way);
  await way.mend();
  const servers = await Promise.all(["a", "b", "c"].map((name) => serve(greeter(name))));
  const reporters: Program[] = [];
  for (const { port } of servers) reporters.push(launchReporter([way.port], port, ["--advertise", LOOPBACK]));
  for (const { port } of servers) {
    await balancer.program.logged("its target", (line) => isTargetEvent(line, "up", port));
  }
  return { balancer, way, servers, reporters };
}

/** Who answers, asked so often. */
async function answers({ port }: Balancer, times: number): Promise<string> {
  const names = new Set<string>();
  for (let i = 0; i < times; i++) names.add(await within("an answer", exchange(port, "")));
  return [...names].sort().join("");
}

describe("a balancer whose reporters are all cut off", () => {
  it("serves the targets that accept, says so, and goes on as always when they are back", async () => {
    const { balancer, way, servers } = await cluster([]);
    const { program } = balancer;
    await way.cut();
    const lost = await program.says(/^the connection with the reporter of target .* was lost without a goodbye/);
    assert.ok((field(lost, "leaseMs") as number) <= LEASE_MS);

    const begun = await program.says(/^pool default is in panic/);
    assert.equal(begun.level, "ERROR");
    assert.match(begun.message, /none of its reporters has been heard for \d+\.\d s, .*: 3 of the 3 targets /);
    assert.ok(begun.message.includes(`127.0.0.1:${balancer.adminPort}`), "where the reporters should get through");
    assert.equal(await answers(balancer, 12), "abc");
    if (process.platform !== "win32") {
      program.signal("SIGUSR2");
      const table = await program.says(/^3 targets, .*; pool default is in panic/);
      assert.match(table.message, /up \(panic\)/);
    }

    await servers[1]!.close();
    for (let i = 0; i < 12; i++) assert.match(await within("an answer", exchange(balancer.port, "")), /^[ac]$/);

    await way.mend();
    const ended = await program.says(/^pool default is no longer in panic/);
    assert.ok((field(ended, "ms") as number) > 0);
    await until("both to be back", async () => (await answers(balancer, 4)) === "ac");
    const told = program.log.flatMap(
      ({ message }) => /^pool default is (in|no longer in) panic/.exec(message)?.[1] ?? [],
    );
    assert.ok(told.length >= 2 && told.every((each, index) => each === (index % 2 === 0 ? "in" : "no longer in")));
  });

  it("serves nobody with --panic off", async () => {
    const { balancer, way, servers } = await cluster(["--panic", "off", "--unavailable", "nobody"]);
    await way.cut();
    for (const { port } of servers) {
      await balancer.program.logged("its end", (line) => isTargetEvent(line, "down", port));
    }
    assert.equal(await answers(balancer, 4), "nobody");
    assert.ok(!balancer.program.log.some(({ message }) => /panic/.test(message)));
  });
});
