/** A machine with a server: a network of its own, at the other end of a cable. */
import { script } from "../runtimes.ts";
import { type Env, must, Process } from "./processes.ts";
import { addressOf, hereOf, type Mode } from "./world.ts";

/** The balancer's end of the cable. */
const cardOf = (index: number): string => `cable${index}`;

export class Host {
  readonly index: number;
  /** What its server answers. */
  readonly name: string;
  readonly server: Process;
  readonly #network: Process;
  /** What speaks for the server beside it: a reporter of Harmony, or an agent of HAProxy. */
  #speaker: Process | null = null;

  static async start(index: number): Promise<Host> {
    // It lives for as long as the process that holds it.
    const network = new Process(["unshare", "--net", "sh", "-c", "ip link set lo up; echo ready; exec sleep infinity"]);
    await network.says(/ready/);
    const host = new Host(index, network);
    await host.server.says(/ready/);
    return host;
  }

  private constructor(index: number, network: Process) {
    this.index = index;
    this.name = `server-${index}`;
    this.#network = network;
    const card = cardOf(index);
    must("ip", "link", "add", "name", card, "type", "veth", "peer", "name", "eth0", "netns", String(network.pid));
    must("ip", "address", "add", `${hereOf(index)}/24`, "dev", card);
    must("ip", "link", "set", card, "up");
    must(...this.#inside("ip", "address", "add", `${addressOf(index)}/24`, "dev", "eth0"));
    this.plug();
    this.server = this.#run(script("scripts/faults/server.ts", this.name));
  }

  speak(command: readonly string[], env: Env = {}): Process {
    this.#speaker = this.#run(command, env);
    return this.#speaker;
  }

  behave(mode: Mode): void {
    this.server.tell(mode);
  }

  /** All of its processes. */
  signal(signal: NodeJS.Signals): void {
    this.server.signal(signal);
    this.#speaker?.signal(signal);
  }

  plug(): void {
    must(...this.#inside("ip", "link", "set", "eth0", "up"));
  }

  unplug(): void {
    must(...this.#inside("ip", "link", "set", "eth0", "down"));
  }

  async end(): Promise<void> {
    await Promise.all([this.#speaker?.end(), this.server.end()]);
    // With the network it would go only after a while, and the next host takes its name.
    must("ip", "link", "delete", cardOf(this.index));
    await this.#network.end();
  }

  #run(command: readonly string[], env: Env = {}): Process {
    return new Process(this.#inside(...command), env);
  }

  #inside(...command: readonly string[]): string[] {
    return ["nsenter", "--net", "--target", String(this.#network.pid), "--", ...command];
  }
}
