/** Documents drawn at random that have no fault, and their texts. */
import fc from "fast-check";

interface DrawnPool {
  readonly ports: readonly number[];
  readonly options: readonly string[];
}

export interface DrawnDocument {
  readonly top: readonly string[];
  /** Over `listen` of the pool `default`: 0 for none. */
  readonly port: number;
  readonly pools: Readonly<Record<string, DrawnPool>>;
  readonly listeners: Readonly<Record<string, { readonly port: number; readonly pool: number }>>;
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
});
const targetText = target.map(({ place, weight, most, backup }) => {
  const long = `{ address = "${place}", weight = ${weight}, max-connections = ${most}, backup = ${backup} }`;
  return weight === 500 && most === 0 && !backup ? `"${place}"` : long;
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
  targets: targets.map((all) => `[${all.join(", ")}]`),
};
const options = fc
  .record(values, { requiredKeys: [] })
  .map((given) => Object.entries(given).map(([name, value]) => `${name} = ${value}`));

/** Ports of pools and of listeners are apart, so that no two are the same. */
const pool = (index: number) =>
  fc.record({
    ports: fc.subarray(
      [1, 2, 3].map((port) => 2_000 + index * 10 + port),
      { minLength: 1 },
    ),
    options,
  });

export const documents: fc.Arbitrary<DrawnDocument> = fc.record({
  top: options,
  port: fc.constantFrom(0, 80, 81),
  pools: fc.record(Object.fromEntries(NAMES.map((name, index) => [name, pool(index)])), {
    requiredKeys: [],
  }) as fc.Arbitrary<Readonly<Record<string, DrawnPool>>>,
  listeners: fc.record(
    Object.fromEntries(
      ["l", "m"].map((name, index) => [name, fc.record({ port: fc.constant(443 + index), pool: fc.nat(9) })]),
    ),
    { requiredKeys: [] },
  ) as fc.Arbitrary<DrawnDocument["listeners"]>,
});

export function written({ top, port, pools, listeners }: DrawnDocument): string {
  const names = Object.keys(pools);
  const lines = [...top, ...(port === 0 ? [] : [`listen = ${port}`])];
  for (const [name, { ports, options }] of Object.entries(pools))
    lines.push(`[pool.${JSON.stringify(name)}]`, `listen = [${ports.join(", ")}]`, ...options);
  for (const [name, { port, pool }] of Object.entries(listeners)) {
    const to = names[pool % names.length] ?? "default";
    lines.push(`[listener.${name}]`, `listen = ["127.0.0.1:${port}"]`, `routes = [{ pool = ${JSON.stringify(to)} }]`);
  }
  return `${lines.join("\n")}\n`;
}
