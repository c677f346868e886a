/** Documents drawn at random that have no fault, and their texts. */
import fc from "../../support/draws.ts";

interface DrawnPool {
  readonly ports: readonly number[];
  readonly options: readonly string[];
}

interface DrawnListener {
  readonly port: number;
  readonly pool: number;
  /** What is asked for before all others come to the pool. */
  readonly routes: readonly string[];
  readonly options: readonly string[];
}

export interface DrawnDocument {
  readonly top: readonly string[];
  /** Over `listen` of the pool `default`: 0 for none. */
  readonly port: number;
  readonly pools: Readonly<Record<string, DrawnPool>>;
  readonly listeners: Readonly<Record<string, DrawnListener>>;
}

const NAMES = ["default", "web", "db", "a.b", "x-y"] as const;
const place = fc.constantFrom(
  "10.0.0.1:80",
  "10.0.0.2:80",
  "db.example:5432",
  "unix:/run/t.sock",
  "srv:_pg._tcp.a.example",
);
const target = fc.record({
  place,
  weight: fc.constantFrom(0, 500, 501),
  most: fc.constantFrom(0, 7),
  backup: fc.boolean(),
  checks: fc.constantFrom(
    "",
    ', check = { type = "http", path = "/a,b" }, agent-check = 9999',
    ", check = 'exec:a \"b, c\" interval=5s'",
  ),
});
const targetText = target.map(({ place, weight, most, backup, checks }) => {
  const long = `{ address = "${place}", weight = ${weight}, max-connections = ${most}, backup = ${backup}${checks} }`;
  return weight === 500 && most === 0 && !backup && checks === "" ? `"${place}"` : long;
});
const targets = fc.uniqueArray(targetText, { maxLength: 3, selector: (text) => /"[^"]+"/.exec(text)![0] });

const values: Readonly<Record<string, fc.Arbitrary<string>>> = {
  algorithm: fc.constantFrom('"hash"', '"random"'),
  persistent: fc.constantFrom('"off"', '"2h"', "true"),
  concurrency: fc.constantFrom("-1", "0", "10"),
  queue: fc.constantFrom("0", "10"),
  "queue-timeout": fc.constantFrom('"1500ms"'),
  requeue: fc.constantFrom("0", "3"),
  unavailable: fc.constantFrom('"busy"', '"# \\"no\\""'),
  panic: fc.constantFrom('"off"', "true"),
  keepalive: fc.constantFrom('"off"', '"2m"'),
  "target-keepalive": fc.constantFrom('"interval=1m idle=90s"'),
  check: fc.constantFrom(
    '"tcp"',
    '"off"',
    '{ type = "http", path = "/ok", interval = "500ms" }',
    "'send:\"PING\\r\\n\" expect:+PONG'",
  ),
  "agent-check": fc.constantFrom("9999", "'10.0.0.9:9999 send=\"a, b\"'"),
  targets: targets.map((all) => `[${all.join(", ")}]`),
};
/** Of listeners, and of pools for their own. */
const terms: Readonly<Record<string, fc.Arbitrary<string>>> = {
  "accept-proxy": fc.constantFrom('["10.0.0.0/8", "::1"]', "[]"),
  allow: fc.constantFrom('"192.0.2.7"', "[]"),
  deny: fc.constantFrom('["192.0.2.0/24"]'),
  "client-rate": fc.constantFrom('"20/s"', "false"),
  "client-network": fc.constantFrom('"24 56"'),
  refuse: fc.constantFrom('"tarpit 3s"', "'text \"No\", # he said'"),
  "client-dscp": fc.constantFrom("46"),
  "client-keepalive": fc.constantFrom("'idle=20s count=5'"),
  "send-proxy": fc.constantFrom('"v1"', '"off"'),
  source: fc.constantFrom('"client"', '["127.0.0.2", "::1"]', "[]"),
  "target-tls": fc.constantFrom("true", '{ verify = false, name = "a.example" }', "'verify=off alpn=\"h2,x\"'"),
};

function optionsOf(table: Readonly<Record<string, fc.Arbitrary<string>>>) {
  return fc
    .record(table, { requiredKeys: [] })
    .map((given) => Object.entries(given).map(([name, value]) => `${name} = ${value}`));
}
const options = optionsOf({ ...values, ...terms });

const route = fc.constantFrom(
  'name = "a.example"',
  'name = ["*.b.example", "b.example"]',
  'name = "a.example", alpn = "h2"',
  'alpn = ["acme-tls/1"]',
);
const listener = fc.record({
  routes: fc.uniqueArray(route, { maxLength: 4 }),
  options: optionsOf(terms).map((all) => all.filter((each) => !/^(send-proxy|source|target-tls)/.test(each))),
  pool: fc.nat(9),
});

/** Ports of pools and of listeners are apart, so that no two are the same. */
const pool = (index: number) =>
  fc.record({
    ports: fc.subarray(
      [1, 2, 3].map((port) => 2_000 + index * 10 + port),
      { minLength: 1 },
    ),
    options,
  });

const drawn: fc.Arbitrary<DrawnDocument> = fc.record({
  top: options,
  port: fc.constantFrom(0, 80, 81),
  pools: fc.record(Object.fromEntries(NAMES.map((name, index) => [name, pool(index)])), {
    requiredKeys: [],
  }) as fc.Arbitrary<Readonly<Record<string, DrawnPool>>>,
  listeners: fc.record(
    Object.fromEntries(
      ["l", "m"].map((name, index) => [name, listener.map((drawn) => ({ ...drawn, port: 443 + index }))]),
    ),
    { requiredKeys: [] },
  ) as fc.Arbitrary<DrawnDocument["listeners"]>,
});

/** Where targets speak TLS, how their sockets are set is the runtime's matter. */
export const documents: fc.Arbitrary<DrawnDocument> = drawn.map((document) => {
  const { pools, top } = document;
  const all = [...top, ...Object.values(pools).flatMap((each) => each.options)];
  if (!all.some((line) => line.startsWith("target-tls"))) return document;
  const plain = (lines: readonly string[]) => lines.filter((line) => !/^(source|target-keepalive) /.test(line));
  const others = Object.entries(pools).map(([name, each]) => [name, { ...each, options: plain(each.options) }]);
  return { ...document, top: plain(top), pools: Object.fromEntries(others) };
});

export function written({ top, port, pools, listeners }: DrawnDocument): string {
  const names = Object.keys(pools);
  const lines = [...top, ...(port === 0 ? [] : [`listen = ${port}`])];
  for (const [name, { ports, options }] of Object.entries(pools))
    lines.push(`[pool.${JSON.stringify(name)}]`, `listen = [${ports.join(", ")}]`, ...options);
  for (const [name, { port, pool, routes, options }] of Object.entries(listeners)) {
    const poolOf = (index: number) => JSON.stringify(names[index % names.length] ?? "default");
    const others = routes.map((route, index) => `{ ${route}, pool = ${poolOf(pool + index)} }, `);
    lines.push(`[listener.${name}]`, `listen = ["127.0.0.1:${port}"]`, ...options);
    lines.push(`routes = [${others.join("")}{ pool = ${poolOf(pool)} }]`);
  }
  return `${lines.join("\n")}\n`;
}
