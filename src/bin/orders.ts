/** What `drain`, `maintain`, `ready` and `weight` have in common: targets are named, ordered something, and shown as they are then. */
import type { Target } from "../admin/api/schemas/targets.ts";
import type { Question } from "../admin/client/exchange.ts";
import type { ApiClient } from "../admin/client.ts";
import { targetPath } from "../admin/shared/target-path.ts";
import { text } from "../config/kinds.ts";
import { optional } from "../config/option.ts";
import { type ApiValues, apiClient, apiOptions } from "./api-options.ts";
import { print } from "./command.ts";
import { json } from "./shown.ts";
import { targetsCalled } from "./target-names.ts";

export const orderOptions = {
  reason: optional({
    kind: text("TEXT", "a reason of at most 200 characters", /^[\s\S]{1,200}$/),
    doc: "Why: it is shown wherever the order is.",
    places: ["flag"],
  }),
  json: { ...json, doc: "The targets as they are then, as JSON." },
  ...apiOptions,
} as const;

/** Operator's words outlast everything else, which is to be known by whoever gives them. */
export const LASTING =
  "\nIt outlasts reload and restart, whatever the target's reporter says, until harmony-balancer ready takes it back; it is marked " +
  "wherever the target shows.";

export interface Order {
  readonly verb: "drain" | "maintain" | "ready" | "weight";
  readonly body: Readonly<Record<string, unknown>>;
}

export interface Ordered {
  readonly client: ApiClient;
  readonly targets: Target[];
}

/** In the order in which the balancer lists them. */
export async function order(
  values: ApiValues & { readonly reason: string | null },
  words: readonly string[],
  { verb, body }: Order,
): Promise<Ordered> {
  const client = apiClient(values);
  const { reason } = values;
  const method: Question["method"] = verb === "weight" ? "PUT" : "POST";
  const targets: Target[] = [];
  for (const target of await targetsCalled(client, words)) {
    const path = `${targetPath(target)}/${verb}`;
    targets.push(await client.ask<Target>({ method, path, body: { ...body, ...(reason !== null && { reason }) } }));
  }
  return { client, targets };
}

export function report(targets: readonly Target[], asJson: boolean, textOf: (target: Target) => string): void {
  if (asJson) print(JSON.stringify(targets, null, 2));
  else for (const target of targets) print(`${target.id}: ${textOf(target)}`);
}
