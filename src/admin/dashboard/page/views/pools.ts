/** The beginning: how all pools are, and one of them with its last hour and its targets. */
import type { Pool } from "../../../api/schemas/pools.ts";
import type { TargetCounts } from "../../../api/schemas/status.ts";
import type { App } from "../app.ts";
import { type Child, h, type View } from "../dom.ts";
import { bytes, bytesPerSecond, count, counted, milliseconds, NONE, perSecond } from "../format.ts";
import { hashOf } from "../route.ts";
import { recentEvents } from "./events.ts";
import type { Hour } from "./hour.ts";
import { failureColumn, rateColumns } from "./number-columns.ts";
import { badge, empty, facts, section, stateIcon } from "./parts.ts";
import { type Column, table } from "./table.ts";
import { targetsSection } from "./targets.ts";

export function poolsView(app: App, hour: Hour): Child {
  const { pools, history, events } = app.known;
  if (pools === null) return empty("Asking the balancer …");
  const pool = pools.find(({ name }) => name === app.route.query.pool) ?? pools[0];
  return [
    tiles(pools),
    pools.length > 1 && section("Pools", "pools", null, poolTable(app, pools, pool)),
    pool === undefined
      ? empty("There are no pools yet: the document defines none, and no reporter has brought one.")
      : [
          section(
            pools.length > 1 ? `Pool ${pool.name}` : "Last hour",
            "pool",
            poolAside(pool),
            hour.view(history?.pool === pool.name ? history : null),
            poolFacts(pool),
          ),
          targetsSection(app, pool),
        ],
    recentEvents(app, events),
  ];
}

function tiles(pools: readonly Pool[]): View {
  const sum = (of: (pool: Pool) => number) => pools.reduce((total, pool) => total + of(pool), 0);
  const targets = (of: keyof TargetCounts) => sum((pool) => pool.targets[of]);
  const all = targets("up") + targets("suspect") + targets("draining") + targets("down");
  const slowest = pools.reduce<number | null>((most, { connectMs }) => larger(most, connectMs?.p99 ?? null), null);
  return h(
    "div",
    { class: "tiles", role: "group", "aria-label": "All pools together" },
    tile("Active connections", count(sum(({ active }) => active)), `${count(sum(({ waiting }) => waiting))} waiting`),
    tile(
      "New connections",
      perSecond(sum(({ rates }) => rates.connections)),
      `${count(sum(({ connections }) => connections))} in all`,
    ),
    tile("In", bytesPerSecond(sum(({ rates }) => rates.bytesIn)), `${bytes(sum(({ bytesIn }) => bytesIn))} in all`),
    tile("Out", bytesPerSecond(sum(({ rates }) => rates.bytesOut)), `${bytes(sum(({ bytesOut }) => bytesOut))} in all`),
    tile("Connect time, p99", milliseconds(slowest), pools.length > 1 ? "of the slowest pool" : "of the last minute"),
    tile("Targets up", `${count(targets("up"))} of ${count(all)}`, `${count(targets("draining"))} draining`),
  );
}

function larger(a: number | null, b: number | null): number | null {
  return a === null ? b : b === null ? a : Math.max(a, b);
}

function tile(label: string, value: string, below: string): View {
  return h(
    "div",
    { class: "tile", key: label },
    h("span", { class: "tile-label" }, label),
    h("span", { class: "tile-value" }, value),
    h("span", { class: "tile-below" }, below),
  );
}

const COLUMNS: readonly Column<Pool>[] = [
  {
    name: "pool",
    label: "Pool",
    kind: "main",
    show: ({ name, panic, rebalancing }) => [
      h("a", { href: hashOf("pools", { pool: name }) }, name),
      panic && badge("panic", "All of its reporters have fallen silent"),
      rebalancing !== null &&
        badge(
          "rebalanced",
          `${counted(rebalancing.ended, "connection")} ended so far to make room for ${rebalancing.targets.join(", ")}`,
        ),
    ],
    by: ({ name }) => name,
  },
  { name: "targets", label: "Targets", kind: "states", show: ({ targets }) => targetCounts(targets) },
  { name: "active", label: "Active", kind: "num", show: ({ active }) => count(active), by: ({ active }) => active },
  { name: "waiting", label: "Queue", kind: "num", show: ({ waiting }) => count(waiting), by: ({ waiting }) => waiting },
  ...rateColumns<Pool>(),
  {
    name: "connect",
    label: "Connect p99",
    kind: "num",
    show: ({ connectMs }) => milliseconds(connectMs?.p99 ?? null),
    by: ({ connectMs }) => connectMs?.p99 ?? -1,
  },
  failureColumn<Pool>(),
  {
    name: "unavailable",
    label: "Turned away",
    kind: "num",
    show: (pool) => count(turnedAway(pool)),
    by: turnedAway,
  },
];

function poolTable(app: App, pools: readonly Pool[], shown: Pool | undefined): View {
  return table(app, {
    name: "pools",
    caption: "Pools",
    columns: COLUMNS,
    rows: pools,
    keyOf: ({ name }) => name,
    current: (pool) => pool === shown,
  });
}

function turnedAway({ unavailable }: Pool): number {
  return Object.values(unavailable).reduce((total, number) => total + number, 0);
}

/** Those states that some target is in. */
export function targetCounts(counts: TargetCounts): Child {
  const states = (["up", "suspect", "draining", "down"] as const).filter((state) => counts[state] > 0);
  if (states.length === 0) return NONE;
  return states.map((state) =>
    h(
      "span",
      { class: `state is-${state}`, key: state },
      stateIcon(state),
      h("span", null, count(counts[state]), h("span", { class: "unseen" }, ` ${state}`)),
    ),
  );
}

function poolAside({ listeners, origin }: Pool): View {
  const addresses = listeners.flatMap((listener) => listener.addresses);
  const where = addresses.length === 0 ? "no listener" : addresses.join(", ");
  return h("p", { class: "aside" }, `${where}${origin === "brought" ? " · brought by a reporter" : ""}`);
}

const REASONS: Readonly<Record<string, string>> = {
  "no-targets": "no targets",
  "connect-failed": "no target accepted",
  "queue-full": "queue full",
  "queue-timeout": "waited too long",
  stopping: "stopping",
};

function concurrencyText({ concurrency, groupConcurrency, permits }: Pool): string {
  if (concurrency === null) return "no limit";
  const all = count(groupConcurrency ?? concurrency);
  return permits === null ? all : `${count(permits)} of ${all}`;
}

function poolFacts(pool: Pool): View {
  const { firstByteMs, durationMs, queuedMs, bindings, evictions, requeues, failures, options, rebalancing } = pool;
  const away = Object.entries(pool.unavailable).filter(([, number]) => number > 0);
  const { algorithm } = options;
  return facts(
    [
      "Since the start",
      `${counted(pool.connections, "connection")}, ${bytes(pool.bytesIn)} in, ${bytes(pool.bytesOut)} out`,
    ],
    ["Concurrency", concurrencyText(pool)],
    ["Algorithm", typeof algorithm === "string" ? algorithm : NONE],
    [
      "First byte, p50 and p99",
      `${milliseconds(firstByteMs?.p50 ?? null)} · ${milliseconds(firstByteMs?.p99 ?? null)}`,
    ],
    ["Duration, p50 and p99", `${milliseconds(durationMs?.p50 ?? null)} · ${milliseconds(durationMs?.p99 ?? null)}`],
    ["Queued, p99", milliseconds(queuedMs?.p99 ?? null)],
    ["Failed connects", `${count(failures)}, ${counted(requeues, "requeue")}`],
    [
      "Turned away",
      away.length === 0 ? "none" : away.map(([reason, number]) => `${REASONS[reason]} ${count(number)}`).join(", "),
    ],
    ...(rebalancing === null
      ? []
      : [
          [
            "Rebalanced",
            `${counted(rebalancing.ended, "connection")} ended for ${rebalancing.targets.join(", ")}`,
          ] as const,
        ]),
    ["Sticky bindings", bindings === null ? "not sticky" : `${count(bindings)}, ${count(evictions)} evicted`],
  );
}
