/** What the Debian packages are: one for the balancer's machine, one for those of servers. */
export interface DebianPackage {
  readonly name: "harmony-balancer" | "harmony-reporter";
  readonly summary: string;
  /** Lines of the long description. */
  readonly description: readonly string[];
  /** Files of examples/systemd. */
  readonly units: readonly string[];
  /** Units that an installation enables and starts. */
  readonly started: readonly string[];
  /** Names, as patterns, of the services and sockets that may be running. */
  readonly running: string;
  readonly sockets: string;
  /** In packaging/debian, and then in /etc/harmony, where changes of an administrator outlast upgrades. */
  readonly config: string;
  /** Drop-ins and examples, of examples/systemd. */
  readonly examples: readonly string[];
  /** The package that shares user and state with it. */
  readonly other: string;
}

export const packages: readonly DebianPackage[] = [
  {
    name: "harmony-balancer",
    summary: "TCP load balancer whose targets register themselves",
    description: [
      "Clients connect to the balancer, which passes them on to targets. These need not be",
      "listed anywhere: a reporter beside each server says that it is there, and drains it",
      "before it leaves.",
    ],
    units: ["harmony-balancer.service", "harmony-balancer.socket"],
    started: ["harmony-balancer.service"],
    running: "harmony-balancer.service",
    sockets: "harmony-balancer.socket",
    config: "balancer.toml",
    examples: ["harmony-balancer.service.d/socket.conf"],
    other: "harmony-reporter",
  },
  {
    name: "harmony-reporter",
    summary: "says to a harmony-balancer that a server runs here",
    description: [
      "It stands beside a server, or starts it, and registers it with one balancer or several,",
      "for as long as it runs. Before it leaves, open connections finish.",
    ],
    units: ["harmony-reporter.service", "harmony-reporter@.service"],
    started: [],
    running: "harmony-reporter*.service",
    sockets: "harmony-reporter*.socket",
    config: "reporter.toml",
    examples: ["app.service", "app.toml", "postgresql.toml"],
    other: "harmony-balancer",
  },
];
