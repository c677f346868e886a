/**
 * What kube-proxy (its nftables mode) makes of a Service on a node: a connection to the Service's address gets an endpoint at random, once,
 * and conntrack keeps it there whatever becomes of the rules.
 */

/** How a Service is reached from outside of the cluster, at an address of a load balancer. */
export interface Outside {
  readonly address: string;
  /** Cluster: endpoints of all nodes, which see a node's address as the client's. Local: those of this node, which see the client's own. */
  readonly policy: "Cluster" | "Local";
}

export interface Service {
  /** Within the cluster. */
  readonly address: string;
  readonly ports: readonly { readonly port: number; readonly targetPort: number }[];
  readonly outside: readonly Outside[];
  /** The addresses of all pods. */
  readonly pods: string;
}

const TABLE = "ip kube-proxy";
/** Of the firewall mark: the packet's source is to become the node's. */
const MASQUERADE = "0x4000";

/** For `nft -f -`: all of them anew, at one stroke. All endpoints are on this node, as far as `Local` asks. */
export function rulesOf(service: Service, endpoints: readonly string[]): string {
  const { ports, outside, address } = service;
  const entries = ports.flatMap(({ port }) => [
    [`${address} . tcp . ${port}`, `service-${port}`],
    ...outside.map((way) => [
      `${way.address} . tcp . ${port}`,
      `${way.policy === "Local" ? "local" : "external"}-${port}`,
    ]),
  ]);
  const isEmpty = endpoints.length === 0;
  const served = entries.map(([key, chain]) => `${key} : goto ${chain}`);
  const refused = entries.map(([key]) => `${key} : goto reject-chain`);
  return [
    `table ${TABLE}`,
    `delete table ${TABLE}`,
    `table ${TABLE} {`,
    chain("mark-for-masquerade", [`meta mark set meta mark or ${MASQUERADE}`]),
    ...(isEmpty ? [] : ports.flatMap((port) => chainsOf(service, port, endpoints))),
    chain("reject-chain", ["reject"]),
    verdicts("service-ips", isEmpty ? [] : served),
    verdicts("no-endpoint-services", isEmpty ? refused : []),
    chain("services", ["ip daddr . meta l4proto . th dport vmap @service-ips"]),
    chain("endpoints-check", ["ip daddr . meta l4proto . th dport vmap @no-endpoint-services"]),
    chain("masquerading", [
      `meta mark & ${MASQUERADE} == 0 return`,
      `meta mark set meta mark xor ${MASQUERADE}`,
      "masquerade fully-random",
    ]),
    chain("nat-prerouting", ["type nat hook prerouting priority dstnat", "jump services"]),
    chain("nat-output", ["type nat hook output priority -100", "jump services"]),
    chain("nat-postrouting", ["type nat hook postrouting priority srcnat", "jump masquerading"]),
    chain("filter-forward", ["type filter hook forward priority -110", "ct state new jump endpoints-check"]),
    chain("filter-output", ["type filter hook output priority -110", "ct state new jump endpoints-check"]),
    "}",
    "",
  ].join("\n");
}

function chainsOf(service: Service, ports: Service["ports"][number], endpoints: readonly string[]): string[] {
  const { port, targetPort } = ports;
  const nameOf = (endpoint: string) => `endpoint-${endpoint}/${targetPort}`;
  const each = endpoints.map((endpoint, n) => `${n} : goto ${nameOf(endpoint)}`).join(", ");
  const atRandom = `numgen random mod ${endpoints.length} vmap { ${each} }`;
  const fromElsewhere = `ip daddr ${service.address} tcp dport ${port} ip saddr != ${service.pods}`;
  return [
    ...endpoints.map((endpoint) =>
      chain(nameOf(endpoint), [
        `ip saddr ${endpoint} jump mark-for-masquerade`, // a pod that asks its own Service
        `meta l4proto tcp dnat to ${endpoint}:${targetPort}`,
      ]),
    ),
    chain(`service-${port}`, [`${fromElsewhere} jump mark-for-masquerade`, atRandom]),
    chain(`external-${port}`, ["jump mark-for-masquerade", `goto service-${port}`]),
    chain(`local-${port}`, [atRandom]),
  ];
}

function chain(name: string, rules: readonly string[]): string {
  return [`  chain ${name} {`, ...rules.map((rule) => `    ${rule};`), "  }"].join("\n");
}

function verdicts(name: string, elements: readonly string[]): string {
  const list = elements.length === 0 ? [] : [`    elements = { ${elements.join(", ")} }`];
  return [`  map ${name} {`, "    type ipv4_addr . inet_proto . inet_service : verdict", ...list, "  }"].join("\n");
}
