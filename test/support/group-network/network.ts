/**
 * A group of balancers with everything around it, each on a machine of its own at one switch: a real Redis, hosts with servers and their
 * reporter, and clients with many addresses. The way between some of them can be cut, which nobody is told.
 */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Target } from "../../../src/admin/api/schemas/targets.ts";
import { ask } from "../../../src/admin/client.ts";
import { KEY } from "../cluster.ts";
import { programCommand, scriptCommand } from "../form.ts";
import { Machine } from "../machine.ts";
import type { Program } from "../program.ts";
import { RedisServer } from "../redis.ts";
import { passes, until } from "../wait.ts";
import type { Plan, Seen } from "./visitors-program.ts";

const CLIENTS = "10.50.0.0/16";
const CLIENTS_ADDRESS = "10.0.0.100";
const REDIS_ADDRESS = "10.0.0.9";
const CONTROL_PORT = 1666;
const FIRST_SERVER_PORT = 9000;
/** ms that programs may take to start on a busy machine, several at a time. */
const PATIENCE = 60_000;

/** A machine at the switch. */
export interface Place {
  readonly machine: Machine;
  readonly address: string;
  /** The switch's end of its cable. */
  readonly end: string;
}

export interface NetworkBalancer extends Place {
  readonly program: Program;
  targets(): Promise<readonly Target[]>;
  ask<T>(method: "GET" | "POST", path: string): Promise<T>;
}

export interface Host extends Place {
  readonly servers: Program;
  readonly reporter: Program;
  /** Their ids. */
  readonly targets: readonly string[];
  /** The same anew. */
  start(): Promise<Host>;
}

/** A target as the reporter's file has it: its server's port follows. */
export interface HostTarget {
  readonly id: string;
  readonly pool: string;
  /** Further lines of its table. */
  readonly lines?: readonly string[];
}

export class GroupNetwork {
  readonly hub: Machine;
  readonly clients: Machine;
  readonly redis: RedisServer;
  readonly redisPlace: Place;
  readonly balancers: NetworkBalancer[] = [];
  /** In the order in which they were asked for. */
  readonly hosts: Host[] = [];
  #cut: readonly Place[] = [];
  #places = 0;
  #hosts = 0;
  #started = 0;

  private constructor(hub: Machine, clients: Machine, redisPlace: Place, redis: RedisServer) {
    this.hub = hub;
    this.clients = clients;
    this.redisPlace = redisPlace;
    this.redis = redis;
  }

  static async start(): Promise<GroupNetwork> {
    const [hub, clients] = [await Machine.thatSwitches(), await Machine.withNetwork()];
    clients.plugInto(hub, "eth0", CLIENTS_ADDRESS);
    clients.must("ip", "route", "add", "local", CLIENTS, "dev", "lo");
    const place = await placeAt(hub, REDIS_ADDRESS);
    const redis = await RedisServer.start({ on: place, port: 6379 });
    return new GroupNetwork(hub, clients, place, redis);
  }

  /** One more, which is ready. `lines` of its file; `allowed`: words of the key's line. */
  async balancer(lines: readonly string[], allowed = ""): Promise<NetworkBalancer> {
    const place = await placeAt(this.hub, `10.0.0.${++this.#started}`);
    const { machine } = place;
    machine.must("ip", "route", "add", CLIENTS, "via", CLIENTS_ADDRESS);
    const [file, socket] = [join(machine.home, "balancer.toml"), join(machine.home, "api.sock")];
    writeFileSync(file, [`group = "redis://${REDIS_ADDRESS}:6379/0"`, ...lines, ""].join("\n"));
    const env = { HARMONY_KEY: `${KEY} ${allowed}`, HARMONY_API: `unix:${socket}` };
    const program = machine.run([...programCommand("harmony-balancer"), "--config", file], env);
    await program.says(/^listening/);
    const tell = <T>(method: "GET" | "POST", path: string) =>
      ask([socket], { method, path, ...(method === "POST" && { body: {} }) }) as Promise<T>;
    const balancer: NetworkBalancer = {
      ...place,
      program,
      ask: tell,
      targets: async () => (await tell<{ items: Target[] }>("GET", "/v1/targets")).items,
    };
    this.balancers.push(balancer);
    return balancer;
  }

  /** A host with these targets, whose reporter speaks to these balancers. */
  async host(targets: readonly HostTarget[], speaksTo: readonly Place[]): Promise<Host> {
    const nth = this.#hosts++;
    const place = await this.place();
    const ports = targets.map(({ id }, n) => ({ id, port: FIRST_SERVER_PORT + n }));
    const { machine } = place;
    const file = join(machine.home, "reporter.toml");
    const tables = targets.map(({ id, pool, lines = [] }, n) =>
      ["[[target]]", `port = ${ports[n]!.port}`, `id = "${id}"`, `pool = "${pool}"`, ...lines, ""].join("\n"),
    );
    writeFileSync(file, tables.join("\n"));
    const hosts = speaksTo.flatMap(({ address }) => ["--host", `${address}:${CONTROL_PORT}`]);
    const program = scriptCommand("test/support/group-network/gauged-program.ts");
    const start = async (): Promise<Host> => {
      const servers = machine.run([...program, ...ports.map(({ id, port }) => `${id}:${port}`)], {}, { stdin: true });
      await starts(servers);
      const command = [...programCommand("harmony-reporter"), "--config", file, ...hosts];
      const reporter = machine.run(command, { HARMONY_KEY: KEY });
      return { ...place, servers, reporter, targets: targets.map(({ id }) => id), start };
    };
    this.hosts[nth] = await start();
    return this.hosts[nth]!;
  }

  /** Its reporter drains and leaves; then its servers end at once, whoever is there, and both are started anew. */
  async restart(nth: number): Promise<void> {
    const { reporter, servers, start } = this.hosts[nth]!;
    assert.deepEqual(await reporter.stop(), { code: 0, signal: null }, reporter.stderr);
    await servers.kill();
    this.hosts[nth] = await start();
  }

  /** One more machine. */
  place(): Promise<Place> {
    return placeAt(this.hub, `10.0.0.${20 + ++this.#places}`);
  }

  /** Nothing comes through between any two of these. */
  cut(places: readonly Place[]): void {
    this.#cut = places;
    for (const { end } of places) this.#isolate(end, "on");
  }

  heal(): void {
    for (const { end } of this.#cut) this.#isolate(end, "off");
    this.#cut = [];
  }

  async visitors(plan: Omit<Plan, "hosts">): Promise<Visitors> {
    const all: Plan = { ...plan, hosts: this.balancers.map(({ address }) => address) };
    const command = [...scriptCommand("test/support/group-network/visitors-program.ts"), JSON.stringify(all)];
    const visitors = new Visitors(this.clients.run(command, {}, { stdin: true }));
    await visitors.start();
    return visitors;
  }

  /** By the servers' own gauges, what each target has open. */
  async gauges(): Promise<Record<string, number>> {
    const told = await Promise.all(this.hosts.map(({ servers }) => answer(servers, "?")));
    return Object.assign({}, ...told) as Record<string, number>;
  }

  #isolate(end: string, isOn: "on" | "off"): void {
    this.hub.must("ip", "link", "set", "dev", end, "type", "bridge_slave", "isolated", isOn);
  }
}

export class Visitors {
  readonly #program: Program;

  constructor(program: Program) {
    this.#program = program;
  }

  async start(): Promise<void> {
    await starts(this.#program);
  }

  go(): Promise<Seen> {
    return answer(this.#program, "go") as Promise<Seen>;
  }

  /** Those that stay have gone. */
  alone(): Promise<Seen> {
    return answer(this.#program, "alone") as Promise<Seen>;
  }

  /** Once each has come in both ways, from now on. */
  all(): Promise<Seen> {
    return answer(this.#program, "all") as Promise<Seen>;
  }

  /** Once nobody is there any more but those who stay. */
  pause(): Promise<Seen> {
    return answer(this.#program, "pause") as Promise<Seen>;
  }
}

/** As until(), for what is much to ask for. */
export async function untilSlowly(what: string, look: () => Promise<boolean>, patience?: number): Promise<void> {
  let isFirst = true;
  const lookLater = async (): Promise<boolean> => {
    if (!isFirst) await passes(100);
    isFirst = false;
    return look();
  };
  await until(what, lookLater, patience);
}

/** Its first line of JSON has come. */
export async function starts(program: Program): Promise<void> {
  await until("a program to start", () => program.printed.length > 0 || program.exit !== undefined, PATIENCE);
  if (program.exit) throw new Error(`it ended: ${program.stderr}`);
}

/** The program's next line of JSON, after it was told this. */
async function answer(program: Program, line: string): Promise<unknown> {
  const before = program.printed.length;
  program.tell(line);
  await until(`an answer to "${line}"`, () => program.printed.length > before, PATIENCE);
  return program.printed[before];
}

async function placeAt(hub: Machine, address: string): Promise<Place> {
  const machine = await Machine.withNetwork();
  return { machine, address, end: machine.plugInto(hub, "eth0", address) };
}
