/** The targets of a pool. */
import type { Pool } from "../../../api/schemas/pools.ts";
import type { Target } from "../../../api/schemas/targets.ts";
import { ownName } from "../../../shared/target-path.ts";
import { orderState } from "../acts.ts";
import type { App } from "../app.ts";
import { type Child, h, type View } from "../dom.ts";
import { ago, count, counted, milliseconds, percent } from "../format.ts";
import { seesGroup } from "../shares-feed.ts";
import { failureColumn, rateColumns } from "./number-columns.ts";
import { badge, button, empty, field, options, section, stateLabel } from "./parts.ts";
import { type Column, table } from "./table.ts";
import { targetDetail } from "./target-detail.ts";

/** Rows that are drawn before more are asked for. */
const FIRST = 100;
/** From so many on they can be searched. */
const MANY = 8;

export function targetsSection(app: App, pool: Pool): View {
  const { targets } = app.known;
  if (targets?.pool !== pool.name) return section("Targets", "targets", null, empty("Asking the balancer …"));
  const found = targets.list.filter((target) => matches(app, target));
  const most = Number(app.typed.get("targets-most") ?? FIRST);
  return section(
    "Targets",
    "targets",
    targets.list.length > MANY ? filters(app) : null,
    targets.list.length === 0
      ? empty("There are none. A reporter announces one, or the document names it.")
      : table(app, {
          name: "targets",
          caption: `Targets of the pool ${pool.name}`,
          columns: columnsFor(app),
          rows: found,
          most,
          keyOf: ({ id }) => id,
          below: (target) => app.opened.has(target.id) && targetDetail(app, target),
        }),
    found.length === 0 && targets.list.length > 0 && empty("None of them matches."),
    found.length > most &&
      h(
        "p",
        { class: "more" },
        `${count(most)} of ${count(found.length)} are shown. `,
        button("Show more", () => app.type("targets-most", String(most * 2)), { kind: "quiet" }),
      ),
  );
}

function matches(app: App, { id, address, state, reason }: Target): boolean {
  const wanted = app.typed.get("targets-state") ?? "";
  if (wanted !== "" && state !== wanted) return false;
  const text = (app.typed.get("targets-text") ?? "").toLowerCase();
  return `${id} ${address} ${reason}`.toLowerCase().includes(text);
}

function filters(app: App): View {
  const typed = (name: string) => ({
    value: app.typed.get(name) ?? "",
    oninput: (event: Event) => app.type(name, (event.target as HTMLInputElement).value),
  });
  return h(
    "div",
    { class: "filters" },
    field("Find", h("input", { type: "search", ...typed("targets-text") })),
    field(
      "State",
      h(
        "select",
        typed("targets-state"),
        ...options([
          ["", "any"],
          ...(["up", "suspect", "draining", "down"] as const).map((each) => [each, each] as const),
        ]),
      ),
    ),
  );
}

function columnsFor(app: App): readonly Column<Target>[] {
  return [
    {
      name: "target",
      label: "Target",
      kind: "main",
      show: (target) => nameOf(app, target),
      by: ({ id }) => id,
    },
    {
      name: "state",
      label: "State",
      kind: "reason",
      show: ({ state, reason, since }) => [
        h("div", { class: "state-line" }, stateLabel(state), h("span", { class: "since" }, ago(since, app.now))),
        h("div", { class: "reason-text", title: reason }, reason),
      ],
      by: ({ state }) => ["down", "suspect", "draining", "up"].indexOf(state),
    },
    { name: "share", label: "Weight: due · actual", kind: "share", show: shares, by: ({ weight }) => weight },
    {
      name: "active",
      label: "Active",
      kind: "num",
      show: ({ active, maxConnections, credits }) => [
        count(active),
        maxConnections > 0 &&
          h("div", { class: "of" }, `of ${credits === null ? "" : `${count(credits)} of `}${count(maxConnections)}`),
      ],
      by: ({ active }) => active,
    },
    ...rateColumns<Target>(),
    {
      name: "connect",
      label: "Connect p50 · p99",
      kind: "num pair",
      show: ({ connectMs }) => [
        h("span", null, milliseconds(connectMs?.p50 ?? null)),
        h("span", null, milliseconds(connectMs?.p99 ?? null)),
      ],
      by: ({ connectMs }) => connectMs?.p99 ?? -1,
    },
    failureColumn<Target>(),
    ...(app.mayAct ? [{ name: "acts", label: "", kind: "acts", show: (target: Target) => act(app, target) }] : []),
  ];
}

function nameOf(app: App, target: Target): Child {
  const { id, address, order, priority, backup, panic, ramp, sources } = target;
  const own = ownName(target);
  const open = app.opened.has(id);
  return [
    h(
      "button",
      { type: "button", class: "disclose", "aria-expanded": open ? "true" : "false", onclick: () => toggle(app, id) },
      h("i", { "aria-hidden": "true" }),
      h("span", null, own),
    ),
    own !== address && h("div", { class: "address" }, address),
    h(
      "div",
      { class: "badges" },
      order !== null && badge(orderText(order), order.reason ?? undefined),
      ramp !== null && badge(`slow start: ${percent(ramp)}`, "Its weight grows to its full share (slow-start)"),
      backup && badge("backup"),
      priority > 0 && badge(`priority ${priority}`, "It serves only while no target of a smaller number is up"),
      panic && badge("panic"),
      sources.includes("shared") && badge("shared", "Its reporter is connected to another balancer of the group"),
    ),
  ];
}

function toggle(app: App, id: string): void {
  app.toggle(id);
  if (seesGroup(app)) app.refresh(); // its shares are asked for
}

function orderText({ state, factor }: NonNullable<Target["order"]>): string {
  const parts = [state, factor !== null && `weight × ${factor}`].filter(Boolean);
  return `ordered: ${parts.join(", ")}`;
}

/** What it should get, and what it got. */
function shares({ weight, weightShare, share }: Target): Child {
  const bar = (kind: string, part: number) =>
    h("span", { class: `bar ${kind}` }, h("span", { style: { "--part": String(Math.min(1, part)) } }));
  return [
    h(
      "div",
      { class: "share-text" },
      h("span", null, count(weight)),
      h("span", { class: "share-parts" }, `${percent(weightShare)} · ${percent(share)}`),
    ),
    h("div", { class: "bars", "aria-hidden": "true" }, bar("wanted", weightShare), bar("got", share ?? 0)),
  ];
}

function act(app: App, target: Target): View {
  const held = target.order?.state ?? null;
  const [text, state] = held === null ? (["Drain", "drain"] as const) : (["Ready", null] as const);
  return button(text, () => orderState(app, target, state), {
    label: `${text} ${target.id}${held === null ? `, ${counted(target.active, "open connection")}` : ""}`,
    disabled: app.busy.has(target.id),
  });
}
