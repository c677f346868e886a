/** A machine between two networks that translates addresses on the way, with whichever of the system's tools there is. */
import { spawnSync } from "node:child_process";
import { Machine, noNetworks } from "./machine.ts";

/** Command lines. `card`: the network card through which packets leave; `to`: where connections to `port` are sent on to. */
interface Tool {
  readonly works: readonly string[];
  masquerade(card: string): readonly string[][];
  forward(port: number, to: string): readonly string[][];
}

const TOOLS: readonly Tool[] = [
  {
    works: ["nft", "list", "ruleset"],
    masquerade: (card) => [
      ["nft", "add table ip out"],
      ["nft", "add chain ip out post { type nat hook postrouting priority 100 ; }"],
      ["nft", `add rule ip out post oifname ${card} masquerade`],
    ],
    forward: (port, to) => [
      ["nft", "add table ip in"],
      ["nft", "add chain ip in pre { type nat hook prerouting priority -100 ; }"],
      ["nft", `add rule ip in pre tcp dport ${port} dnat to ${to}`],
    ],
  },
  {
    works: ["iptables", "-t", "nat", "-L", "-n"],
    masquerade: (card) => [["iptables", "-t", "nat", "-A", "POSTROUTING", "-o", card, "-j", "MASQUERADE"]],
    forward: (port, to) => [
      [..."iptables -t nat -A PREROUTING -p tcp --dport".split(" "), `${port}`, "-j", "DNAT", "--to-destination", to],
    ],
  },
];

const tool = noNetworks ? undefined : TOOLS.find(({ works }) => spawnSync("unshare", ["--net", ...works]).status === 0);

/** Why there can be no such machine here, or false. */
export const noRouters: string | false = noNetworks || (tool ? false : "neither nft nor iptables is here, or works");

/** `inside` and `outside` reach each other over it: 10.1.0.2 and 10.2.0.2, by way of 10.1.0.1 and 10.2.0.1. */
export class Router {
  readonly inside: Machine;
  readonly outside: Machine;
  readonly #between: Machine;

  private constructor(inside: Machine, between: Machine, outside: Machine) {
    this.inside = inside;
    this.outside = outside;
    this.#between = between;
  }

  static async start(): Promise<Router> {
    const [inside, between, outside] = await Promise.all([
      Machine.withNetwork(),
      Machine.withNetwork(),
      Machine.withNetwork(),
    ]);
    between.connect("in", "10.1.0.1", inside, "eth0", "10.1.0.2");
    between.connect("out", "10.2.0.1", outside, "eth0", "10.2.0.2");
    between.must("sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward");
    inside.must("ip", "route", "add", "default", "via", "10.1.0.1");
    outside.must("ip", "route", "add", "default", "via", "10.2.0.1");
    return new Router(inside, between, outside);
  }

  /** Who comes from inside is seen at 10.2.0.1. */
  masquerade(): void {
    for (const command of tool!.masquerade("out")) this.#between.must(...command);
  }

  /** Connections to this port of the router, from either side, go to `to`. */
  forward(port: number, to: string): void {
    for (const command of tool!.forward(port, to)) this.#between.must(...command);
  }
}
