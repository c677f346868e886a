/** All about one target: who says what of it, its times, and what can be done. */
import type { Check, Target } from "../../../api/schemas/targets.ts";
import { askToKill, orderState, orderWeight } from "../acts.ts";
import type { App } from "../app.ts";
import { type Child, h, type View } from "../dom.ts";
import { ago, bytes, count, counted, milliseconds, moment, NONE } from "../format.ts";
import { hashOf } from "../route.ts";
import { seesGroup } from "../shares-feed.ts";
import { button, facts, field, stateLabel } from "./parts.ts";
import { targetShares } from "./target-shares.ts";

export function targetDetail(app: App, target: Target): View {
  return h(
    "div",
    { class: "detail", role: "group", "aria-label": `Details of ${target.id}` },
    h("div", { class: "detail-part" }, h("h3", null, "Who says what"), verdicts(app, target)),
    h("div", { class: "detail-part" }, h("h3", null, "Numbers; times as p50 · p90 · p99 · max"), numbers(app, target)),
    seesGroup(app) &&
      h("div", { class: "detail-part" }, h("h3", null, "Connections over the group"), targetShares(app, target.id)),
    app.mayAct && h("div", { class: "detail-part" }, h("h3", null, "Orders"), orders(app, target)),
  );
}

function verdicts(app: App, { verdicts, order }: Target): View {
  return h(
    "ul",
    { class: "verdicts" },
    ...verdicts.map(({ source, says, reason, since }, nth) =>
      h(
        "li",
        { key: `${source} ${nth}` },
        h("span", { class: "verdict-source" }, source),
        stateLabel(says),
        h("span", { class: "verdict-reason" }, reason, since !== null && ` (for ${ago(since, app.now)})`),
      ),
    ),
    order !== null &&
      h(
        "li",
        { key: "order" },
        h("span", { class: "verdict-source" }, "order"),
        h(
          "span",
          { class: "verdict-reason" },
          `by ${order.by}, ${moment(order.at, app.now)}`,
          order.factor !== null && `, weight × ${order.factor}`,
          order.reason !== null && `: ${order.reason}`,
        ),
      ),
  );
}

function numbers(app: App, target: Target): View {
  const { connectMs, firstByteMs, durationMs, reporter, leaseUntil, pool, id } = target;
  const times = (of: Target["connectMs"]): string =>
    of === null ? NONE : [of.p50, of.p90, of.p99, of.max].map(milliseconds).join(" · ");
  const lease = leaseUntil === null ? NONE : left(Date.parse(leaseUntil) - app.now);
  return facts(
    ["Active", h("a", { href: hashOf("connections", { pool, target: id }) }, `${count(target.active)} open`)],
    ["Since it came", `${count(target.connections)}, ${bytes(target.bytesIn)} in, ${bytes(target.bytesOut)} out`],
    ["Connect", times(connectMs)],
    ["First byte", times(firstByteMs)],
    ["Duration", times(durationMs)],
    ["Own weight", count(target.ownWeight)],
    ...target.checks.map((check) => [check.kind === "agent" ? "Agent" : "Check", checkText(app, check)] as const),
    ["Exists by", target.sources.join(", ")],
    ["Reporter", reporter === null ? "none" : reporterText(app, reporter)],
    ["Lease", lease],
  );
}

function checkText(app: App, { name, last, lack, passes, failures }: Check): string {
  const said =
    last === null ? "no answer yet" : `${last.reason} in ${milliseconds(last.ms)}, ${ago(last.at, app.now)} ago`;
  const unasked = lack === null ? "" : `; not asked just now: ${lack}`;
  return `${name}: ${said}${unasked} · ${count(passes)} passed, ${count(failures)} failed`;
}

function reporterText(app: App, { key, address, lastReport, isSilent }: NonNullable<Target["reporter"]>): string {
  const where = address === null ? "" : ` at ${address}`;
  return `key ${key}${where}, last report ${ago(lastReport, app.now)} ago${isSilent ? ", silent now" : ""}`;
}

function left(ms: number): string {
  return ms <= 0 ? "run out" : `${Math.ceil(ms / 1000)} s left`;
}

function orders(app: App, target: Target): Child {
  const { id, order, active } = target;
  const typed = (name: string) => app.typed.get(`${name} ${id}`) ?? "";
  const input = (name: string, props: object) =>
    h("input", {
      ...props,
      value: typed(name),
      oninput: (event: Event) => app.type(`${name} ${id}`, (event.target as HTMLInputElement).value),
    });
  const reason = typed("reason");
  const disabled = app.busy.has(id);
  const state = order?.state ?? null;
  const factor = Number(typed("factor"));
  const usable = typed("factor") !== "" && factor >= 0 && factor <= 100;
  return [
    field("Reason, shown with the order", input("reason", { type: "text", maxlength: 200 })),
    h(
      "div",
      { class: "buttons" },
      state !== "drain" && button("Drain", () => orderState(app, target, "drain", reason), { disabled, key: "drain" }),
      state !== "maintain" &&
        button("Maintain", () => orderState(app, target, "maintain", reason), { disabled, key: "maintain" }),
      state !== null && button("Ready", () => orderState(app, target, null), { disabled, key: "ready" }),
      button("Cut its connections", () => askToKill(app, { target: id }, `${counted(active, "connection")} of ${id}`), {
        kind: "danger",
        disabled: active === 0,
        key: "kill",
      }),
    ),
    h(
      "form",
      {
        class: "inline",
        onsubmit: (event: SubmitEvent) => {
          event.preventDefault();
          if (usable) orderWeight(app, target, factor, reason);
        },
      },
      field("Weight times", input("factor", { type: "number", min: 0, max: 100, step: "any", placeholder: "1" })),
      h("button", { type: "submit", class: "button plain", disabled: disabled || !usable }, "Set"),
      order !== null &&
        order.factor !== null &&
        button("Take back", () => orderWeight(app, target, null), { disabled, kind: "quiet" }),
    ),
  ];
}
