/** The process itself, and who speaks to it: listeners, reporters, keys. */
import type { Key, Reporter } from "../../../api/schemas/people.ts";
import type { Listener } from "../../../api/schemas/pools.ts";
import type { Status } from "../../../api/schemas/status.ts";
import { expiresOn, refusedBy } from "../../../shared/listeners.ts";
import { askToReload, orderLogLevel } from "../acts.ts";
import type { App } from "../app.ts";
import { type Child, h, type View } from "../dom.ts";
import { ago, bytes, count, milliseconds, moment, NONE, percent, span } from "../format.ts";
import { groupSection } from "./group.ts";
import { badge, button, empty, facts, field, options, section } from "./parts.ts";
import { type Column, table } from "./table.ts";

export function systemView(app: App): Child {
  const { status, listeners, reporters, keys } = app.known;
  if (status === null) return empty("Asking the balancer …");
  return [
    section(
      "Process",
      "process",
      null,
      processFacts(app, status),
      app.mayAct && app.known.me?.pool === null && orders(app, status),
    ),
    groupSection(app, status.group),
    listing(app, "Listeners", "listeners", listeners, LISTENERS, ({ name, address }) => `${name} ${address}`),
    listing(app, "Reporters", "reporters", reporters, reporterColumns(app), ({ key, address }) => `${key} ${address}`),
    app.known.me?.pool === null &&
      listing(app, "Keys and tokens", "keys", keys, KEYS, ({ kind, id }) => `${kind} ${id}`),
  ];
}

function processFacts(app: App, status: Status): View {
  const { runtime, engine, document, descriptors, eventLoop, threads, stateFile, logLevel } = status;
  const reload = document.lastReload;
  const { open, limit } = descriptors;
  return facts(
    ["Machine", `${status.host}, process ${status.pid}`],
    ["Running for", `${span(status.uptimeMs)}, since ${moment(status.startedAt, app.now)}`],
    ["Version", `${status.version} on ${runtime.name} ${runtime.version}`],
    ["Engine", [engine.name, ...engine.passedOver.map(({ name, reason }) => ` (not ${name}: ${reason})`)]],
    ["Document", document.file ?? "none: flags and environment"],
    ["Last reload", reload === null ? "none" : `${ago(reload.at, app.now)} ago: ${reload.text}`],
    ["Orders kept in", stateFile ?? "nothing: they end with the process"],
    ["Log level", logLevel.ordered ?? logLevel.configured],
    ["Descriptors", open === null ? NONE : `${count(open)} of ${count(limit)}`],
    ["Memory", bytes(status.memoryBytes)],
    [
      "Main thread late by, p50 · p99 · max",
      [eventLoop.p50, eventLoop.p99, eventLoop.max].map(milliseconds).join(" · "),
    ],
    ["Threads at work", threads.length === 0 ? NONE : threads.map(({ busy }) => percent(busy)).join(" · ")],
  );
}

function orders(app: App, { logLevel }: Status): View {
  const levels = ["debug", "info", "warning", "error"];
  const ordered = logLevel.ordered ?? "";
  const others = ordered === "" || levels.includes(ordered) ? [] : [[ordered, ordered] as const];
  return h(
    "div",
    { class: "filters" },
    button("Reload …", () => askToReload(app), { disabled: app.busy.has("Reload") }),
    field(
      "Log level",
      h(
        "select",
        {
          value: ordered,
          disabled: app.busy.has("Log level"),
          onchange: (event: Event) => orderLogLevel(app, (event.target as HTMLSelectElement).value || null),
        },
        ...options([
          ["", `as configured: ${logLevel.configured}`],
          ...levels.map((each) => [each, each] as const),
          ...others,
        ]),
      ),
    ),
  );
}

function listing<T>(
  app: App,
  title: string,
  name: string,
  rows: readonly T[] | null,
  columns: readonly Column<T>[],
  keyOf: (row: T) => string,
): View {
  if (rows === null) return section(title, name, null, empty("Asking the balancer …"));
  if (rows.length === 0) return section(title, name, null, empty("There are none."));
  const aside = h("p", { class: "aside" }, count(rows.length));
  return section(title, name, aside, table(app, { name, caption: title, columns, rows, keyOf }));
}

const LISTENERS: readonly Column<Listener>[] = [
  { name: "name", label: "Listener", kind: "main", show: ({ name }) => name, by: ({ name }) => name },
  { name: "address", label: "Address", kind: "name", show: ({ address }) => address, by: ({ address }) => address },
  { name: "pools", label: "Pools", kind: "name", show: ({ pools }) => pools.join(", "), by: ({ pool }) => pool },
  {
    name: "refused",
    label: "Refused",
    kind: "num",
    show: ({ refusals }) => (refusals === null ? NONE : count(refusedAt(refusals))),
    by: ({ refusals }) => refusedAt(refusals),
  },
  {
    name: "why",
    label: "Why",
    kind: "name",
    show: ({ refusals }) =>
      refusedBy(refusals)
        .map(([reason, clients]) => `${reason} ${count(clients)}`)
        .join(", ") || NONE,
  },
  {
    name: "certificate",
    label: "Certificate until",
    kind: "num",
    show: ({ tls }) => expiresOn(tls) ?? NONE,
    by: ({ tls }) => expiresOn(tls) ?? "",
  },
  {
    name: "keepalive",
    label: "Keep-alive",
    kind: "num",
    show: ({ keepaliveMs }) => (keepaliveMs === 0 ? "off" : span(keepaliveMs)),
  },
];

function refusedAt(refusals: Listener["refusals"]): number {
  return refusedBy(refusals).reduce((sum, [, clients]) => sum + clients, 0);
}

function reporterColumns(app: App): readonly Column<Reporter>[] {
  return [
    { name: "address", label: "Reporter", kind: "main", show: ({ address }) => address, by: ({ address }) => address },
    {
      name: "key",
      label: "Key",
      kind: "name",
      show: ({ key, kind }) => [key, " ", badge(kind)],
      by: ({ key }) => key,
    },
    { name: "software", label: "Software", kind: "name", show: ({ software }) => software },
    { name: "targets", label: "Targets", kind: "name", show: ({ targets }) => targets.join(", ") || "none" },
    {
      name: "connected",
      label: "Connected for",
      kind: "num",
      show: ({ connectedAt }) => ago(connectedAt, app.now),
      by: ({ connectedAt }) => connectedAt,
    },
    {
      name: "report",
      label: "Last report",
      kind: "num",
      show: ({ lastReport, isSilent }) => [
        lastReport === null ? "none" : `${ago(lastReport, app.now)} ago`,
        ...(isSilent ? [" ", badge("silent")] : []),
      ],
    },
  ];
}

const KEYS: readonly Column<Key>[] = [
  { name: "id", label: "Key", kind: "main", show: ({ id }) => id, by: ({ id }) => id },
  {
    name: "kind",
    label: "Kind",
    show: ({ kind, right }) => (right === null ? kind : `${kind}, ${right}`),
    by: ({ kind }) => kind,
  },
  { name: "limits", label: "Limits", kind: "name", show: ({ limits }) => limits.join(", ") || "none" },
  { name: "file", label: "File", kind: "name", show: ({ file }) => file ?? NONE },
];
