/** States and levels, each in its manner. */
import type { Event } from "../../admin/api/schemas/people.ts";
import type { Target } from "../../admin/api/schemas/targets.ts";
import type { Manner } from "../terminal/line.ts";

export const STATE_MANNER: Readonly<Record<Target["state"], Manner>> = {
  up: "good",
  suspect: "doubtful",
  draining: "doubtful",
  down: "bad",
};

export const LEVEL_MANNER: Readonly<Record<Event["level"], Manner>> = {
  info: "plain",
  warning: "doubtful",
  error: "bad",
};

/** `down*`: an operator has ordered something, which outlasts what everybody else says. */
export function stateText({ state, order, panic, priority, backup }: Target): string {
  const marks = [panic ? "panic" : "", backup ? "backup" : "", priority > 0 ? `priority ${priority}` : ""].filter(
    (mark) => mark !== "",
  );
  const text = order === null ? state : `${state}*`;
  return marks.length === 0 ? text : `${text} (${marks.join(", ")})`;
}

/** `drain by ops: kernel upgrade`, `weight ×0.5 by ops`. */
export function orderText({ order }: Pick<Target, "order">): string | null {
  if (order === null) return null;
  const words = [order.state, order.factor === null ? null : `weight ×${order.factor}`].filter((word) => word !== null);
  return `${words.join(", ")} by ${order.by}${order.reason === null ? "" : `: ${order.reason}`}`;
}
