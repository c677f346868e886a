/** Machines for tests: each with a home of its own and, where the tests may make networks (root on Linux), a network of its own. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "./folder.ts";
import { Program, type StartOptions } from "./program.ts";
import { until } from "./wait.ts";

const TRY = ["--net", "ip", "link", "add", "name", "left", "type", "veth", "peer", "name", "right"];

/** Why no machine can have a network here, or false. */
export const noNetworks: string | false =
  process.platform === "linux" && process.getuid?.() === 0 && spawnSync("unshare", TRY).status === 0
    ? false
    : "only root on Linux can make networks";

export class Machine {
  readonly home = temporaryFolder("home");
  /** Null: it shares the network of the tests. */
  readonly #pid: number | null;

  private constructor(pid: number | null) {
    this.#pid = pid;
  }

  static withoutNetwork(): Machine {
    return new Machine(null);
  }

  /** Its network ends with the process that holds it. */
  static async withNetwork(): Promise<Machine> {
    const holder = new Program(["unshare", "--net", "sh", "-c", "ip link set lo up; echo ready; exec sleep infinity"]);
    await until("a network", () => holder.stdout.includes("ready"));
    return new Machine(holder.pid);
  }

  /** A switch, for plugInto(). */
  static async thatSwitches(): Promise<Machine> {
    const machine = await Machine.withNetwork();
    machine.must("ip", "link", "add", "name", "switch", "type", "bridge", "mcast_snooping", "0");
    machine.must("ip", "link", "set", "dev", "switch", "up");
    return machine;
  }

  /** A cable to another machine: each end is a network card, named after the machine's own end, with an address in a /24. */
  connect(card: string, address: string, other: Machine, otherCard: string, otherAddress: string): void {
    const to = String(other.#pid);
    this.must("ip", "link", "add", "name", card, "type", "veth", "peer", "name", otherCard, "netns", to);
    for (const [machine, name, ip] of [[this, card, address] as const, [other, otherCard, otherAddress] as const]) {
      machine.must("ip", "address", "add", `${ip}/24`, "dev", name);
      machine.must("ip", "link", "set", name, "up");
    }
  }

  /** Plugged into a switch: the name of the switch's end of the cable. */
  plugInto(hub: Machine, card: string, address: string): string {
    const end = `to-${this.#pid}`;
    hub.must("ip", "link", "add", "name", end, "type", "veth", "peer", "name", card, "netns", String(this.#pid));
    hub.must("ip", "link", "set", "dev", end, "master", "switch", "up");
    this.must("ip", "address", "add", `${address}/24`, "dev", card);
    this.must("ip", "link", "set", "dev", card, "up");
    return end;
  }

  run(command: readonly string[], env: Readonly<Record<string, string>> = {}, options: StartOptions = {}): Program {
    const own = { XDG_CONFIG_HOME: this.home, HOME: this.home, HARMONY_LOG_FORMAT: "json" };
    return new Program([...this.#inside(), ...command], { ...options, env: { ...own, ...env } });
  }

  /** Runs a command to its end, which is to succeed. */
  must(...command: readonly string[]): void {
    this.output(...command);
  }

  /** What it prints. */
  output(...command: readonly string[]): string {
    const [program, ...args] = [...this.#inside(), ...command];
    const { status, stdout, stderr } = spawnSync(program!, args, { encoding: "utf8" });
    assert.equal(status, 0, `${command.join(" ")}: ${stderr}`);
    return stdout;
  }

  /** Runs JavaScript on the runtime at hand. */
  evaluate(code: string): Program {
    return this.run([process.execPath, ...("deno" in process.versions ? ["eval", code] : ["-e", code])]);
  }

  /** What a web server answers to a request from here; "" where there is no answer. */
  async ask(url: string): Promise<string> {
    const client = this.evaluate(
      `fetch("${url}").then((answer) => answer.text()).then((text) => console.log(text), () => undefined)`,
    );
    assert.deepEqual(await client.ended(), { code: 0, signal: null }, client.stderr);
    return client.stdout.trim();
  }

  /** The words of its key's line from now on. */
  giveLeave(words: string): void {
    const path = this.#key;
    writeFileSync(path, readFileSync(path, "utf8").replace(/\n$/, ` ${words}\n`));
  }

  /** As the balancer's log says it is to be done. */
  copyKeyTo(other: Machine): void {
    mkdirSync(join(other.home, "harmony"), { mode: 0o700 });
    cpSync(this.#key, other.#key, { preserveTimestamps: true });
  }

  get #key(): string {
    return join(this.home, "harmony/key");
  }

  #inside(): readonly string[] {
    return this.#pid === null ? [] : ["nsenter", "--net", "--target", String(this.#pid), "--"];
  }
}
