/** Connections that are open now: picked out, sorted and turned over by the balancer, which may hold a hundred thousand. */
import type { Connection } from "../../../api/schemas/connections.ts";
import { askToKill, type Kill } from "../acts.ts";
import type { App, Sort } from "../app.ts";
import { CONNECTIONS_PAGE, FILTERS } from "../connection-query.ts";
import { type Child, h, type View } from "../dom.ts";
import { bytes, count, counted, milliseconds, NONE, span } from "../format.ts";
import { hashOf } from "../route.ts";
import { button, empty, field, options, section } from "./parts.ts";
import { type Column, table } from "./table.ts";

const PHASES: readonly Connection["phase"][] = ["queue", "connect", "relay", "unavailable"];

export function connectionsView(app: App): Child {
  const { connections, refused } = app.known;
  const { query } = app.route;
  return section(
    "Connections",
    "connections",
    connections !== null && h("p", { class: "aside" }, `${count(connections.total)} open`),
    filters(app),
    connections === null
      ? empty(refused === null ? "Asking the balancer …" : "None is shown.")
      : connections.items.length === 0
        ? empty(FILTERS.some((name) => query[name]) ? "None of them matches." : "None is open.")
        : table(app, {
            name: "connections",
            caption: "Open connections",
            columns: columnsFor(app),
            rows: connections.items,
            keyOf: ({ id }) => id,
            sorting: {
              sort: { column: query.sort ?? "age", ascending: query.order === "asc" },
              set: (sort: Sort) => go(app, { sort: sort.column, order: sort.ascending ? "asc" : "desc", offset: "" }),
            },
          }),
    connections !== null && pages(app, connections.total, connections.items.length),
  );
}

function go(app: App, change: Readonly<Record<string, string>>): void {
  location.hash = hashOf("connections", { ...app.route.query, ...change });
}

function filters(app: App): View {
  const { query } = app.route;
  const picked = FILTERS.filter((name) => query[name]);
  // What is typed counts once it is left or Enter is pressed: each look costs the balancer a walk over all connections.
  const change = (name: string) => (event: Event) =>
    go(app, { [name]: (event.target as HTMLInputElement).value.trim(), offset: "" });
  const text = (name: string, placeholder: string) =>
    h("input", {
      type: "search",
      key: `${name} ${query[name] ?? ""}`,
      value: app.typed.get(`connections ${name}`) ?? query[name] ?? "",
      placeholder,
      oninput: (event: Event) => app.typed.set(`connections ${name}`, (event.target as HTMLInputElement).value),
      onchange: (event: Event) => {
        app.typed.delete(`connections ${name}`);
        change(name)(event);
      },
    });
  const select = (name: string, values: readonly string[], all: string) =>
    h(
      "select",
      { value: query[name] ?? "", onchange: change(name) },
      ...options([["", all], ...values.map((each) => [each, each] as const)]),
    );
  const pools = app.known.pools?.map(({ name }) => name) ?? [];
  const kill: Kill = Object.fromEntries(
    (["pool", "target", "client"] as const).flatMap((name) => (query[name] ? [[name, query[name]]] : [])),
  );
  return h(
    "div",
    { class: "filters" },
    pools.length > 1 && field("Pool", select("pool", pools, "all")),
    field("Target", text("target", "web/10.0.0.5:80")),
    field("Client, or a range", text("client", "10.0.0.0/8")),
    field("Phase", select("phase", PHASES, "any")),
    picked.length > 0 &&
      button(
        "Show all",
        () => {
          location.hash = hashOf("connections");
        },
        { kind: "quiet" },
      ),
    app.mayAct &&
      Object.keys(kill).length > 0 &&
      button("Cut these", () => askToKill(app, kill, `all connections with ${said(kill)}`), {
        kind: "danger",
        disabled: !query.phase ? (app.known.connections?.total ?? 0) === 0 : true,
      }),
  );
}

function said(kill: Kill): string {
  return Object.entries(kill)
    .map(([name, value]) => `${name} ${value}`)
    .join(" and ");
}

function columnsFor(app: App): readonly Column<Connection>[] {
  const sorted = () => 0;
  return [
    {
      name: "client",
      label: "Client",
      kind: "main",
      show: ({ client, via }) => [client, via !== null && h("span", { class: "of" }, ` via ${via}`)],
      by: sorted,
    },
    {
      name: "target",
      label: "Target",
      kind: "name",
      show: ({ target, pool }) => target ?? `${pool}: none yet`,
      by: sorted,
    },
    { name: "listener", label: "Listener", kind: "name", show: ({ listener }) => listener ?? NONE },
    ...(app.known.connections?.items.some((each) => asksFor(each) !== "") ? [ASKS] : []),
    {
      name: "phase",
      label: "Phase",
      show: ({ phase, failed }) => [phase, failed > 0 && h("span", { class: "of" }, `, ${counted(failed, "failure")}`)],
    },
    { name: "age", label: "Age", kind: "num", show: ({ ageMs }) => span(ageMs), by: sorted },
    { name: "idle", label: "Idle", kind: "num", show: ({ idleMs }) => span(idleMs), by: sorted },
    { name: "bytesIn", label: "In", kind: "num", show: ({ bytesIn }) => bytes(bytesIn), by: sorted },
    { name: "bytesOut", label: "Out", kind: "num", show: ({ bytesOut }) => bytes(bytesOut), by: sorted },
    { name: "connect", label: "Connect", kind: "num", show: ({ connectMs }) => milliseconds(connectMs) },
    {
      name: "firstByte",
      label: "First byte",
      kind: "num",
      show: ({ firstByteMs }) => milliseconds(firstByteMs),
    },
    ...(app.mayAct ? [{ name: "acts", label: "", kind: "acts", show: (each: Connection) => cut(app, each) }] : []),
  ];
}

/** Where there is one connection of which it is known. */
const ASKS: Column<Connection> = {
  name: "asks",
  label: "Asks for",
  kind: "name",
  show: (each) => asksFor(each) || NONE,
};

function asksFor({ serverName, alpn, tls }: Connection): string {
  return [serverName, alpn, tls?.version].filter(Boolean).join(", ");
}

function cut(app: App, { id, client }: Connection): View {
  const label = `Cut the connection of ${client}`;
  return button("Cut", () => askToKill(app, { id }, `the connection of ${client}`), { label, kind: "quiet" });
}

function pages(app: App, total: number, here: number): Child {
  const offset = Number(app.route.query.offset ?? 0) || 0;
  if (total <= CONNECTIONS_PAGE && offset === 0) return null;
  const turn = (to: number) => () => go(app, { offset: to > 0 ? String(to) : "" });
  return h(
    "nav",
    { class: "pages", "aria-label": "Pages of connections" },
    button("Previous", turn(offset - CONNECTIONS_PAGE), { disabled: offset === 0 }),
    h(
      "span",
      { class: "pages-text" },
      here === 0 ? "nothing here" : `${count(offset + 1)} to ${count(offset + here)} of ${count(total)}`,
    ),
    button("Next", turn(offset + CONNECTIONS_PAGE), { disabled: offset + here >= total }),
  );
}
