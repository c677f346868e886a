/** Orders of operators: in force at once, and then kept. */
import type { Target } from "../../admin/api/schemas/targets.ts";
import type { Asker, OrderWord } from "../../admin/face.ts";
import type { Registry } from "../../targets/registry.ts";
import type { StateFile } from "../state/state-file.ts";
import type { ShownTargets } from "./targets.ts";

export interface OrdersOptions {
  readonly registry: Pick<Registry, "ordering">;
  readonly shown: Pick<ShownTargets, "one" | "find">;
  /** null: nothing is kept. */
  readonly state: Pick<StateFile, "keep"> | null;
}

/** The target as it is then. Throws `NO_TARGET`, `BAD_ORDER`, `TOO_MANY_ORDERS`. */
export async function order(
  { registry, shown, state }: OrdersOptions,
  identity: string,
  word: OrderWord,
  by: Pick<Asker, "name">,
): Promise<Target> {
  const before = shown.one(identity);
  registry.ordering.order(identity, word, by.name);
  await state?.keep();
  // One that is not there, and of which nothing is ordered any more, is not known any more.
  return shown.find(identity) ?? { ...before, order: null, verdicts: [] };
}
