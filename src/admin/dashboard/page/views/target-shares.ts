/** How a target's connections divide over the balancers of the group. */
import type { GroupTarget, GroupTargets } from "../../../api/schemas/group.ts";
import type { App } from "../app.ts";
import { type Child, h, type View } from "../dom.ts";
import { count, counted, NONE, perSecond, span } from "../format.ts";
import { badge, empty } from "./parts.ts";

export function targetShares(app: App, id: string): View {
  const seen = app.known.shares?.get(id) ?? null;
  if (seen === null) return empty("Asking the other balancers …");
  if (seen instanceof Error) return empty(`They could not be asked: ${seen.message}`);
  const target = seen.items.find((each) => each.id === id);
  if (target === undefined) return empty("It has left.");
  const { state, reason } = seen;
  const lost = `The group is not reached${reason === null ? "" : `: ${reason}`}`;
  const sum = fact("all", "All", sumText(target));
  const list = h("dl", { class: "facts" }, sum, ...sharesOf(seen, target));
  return h("div", null, list, state !== "connected" && empty(lost));
}

function sumText({ active, perSecond: rate, isWhole }: GroupTarget): string {
  const sum = `${counted(active, "connection")}, ${perSecond(rate)} new`;
  return isWhole ? sum : `${sum}, and what is not known`;
}

function sharesOf({ balancers }: GroupTargets, { shares }: GroupTarget): View[] {
  return balancers.map(({ id, name, isSelf, state, ageMs }) => {
    const { active, perSecond: rate } = shares.find(({ balancer }) => balancer === id)!;
    if (state === "silent") return fact(id, name, `${NONE} it does not answer`);
    if (active === null) return fact(id, name, `${NONE} it tells only of its busiest targets`);
    const since = `, ${span(Math.round((ageMs ?? 0) / 100) * 100)} ago`;
    return fact(id, name, [`${count(active)}, ${perSecond(rate)} new`, isSelf ? [" ", badge("this one")] : since]);
  });
}

/** Two balancers may have one name. */
function fact(key: string, name: string, value: Child): View {
  return h("div", { key }, h("dt", null, name), h("dd", null, value));
}
