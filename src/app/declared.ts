/** What targets declare for the pool that one of them has brought, and whose word holds. */
import { declaredValues } from "../config/declared-options.ts";
import { spell } from "../config/names.ts";
import type { PoolSettings } from "../config/settings.ts";
import type { Asking } from "../targets/report.ts";
import { HarmonyError } from "../util/errors.ts";

/** Options of a pool as text, by their names. */
export type Declared = Readonly<Record<string, string>>;

export interface Settled {
  /** `inForce` itself, where that says the same. */
  readonly declared: Declared;
  /** The target that has decided; null: none declares anything. */
  readonly first: string | null;
  /** Those that declare something else. */
  readonly ignored: readonly Asking[];
}

/**
 * Of those that declare options the first that came decides. Where none does, what is in force stays: it would change to and fro when a
 * reporter is restarted.
 */
export function settled(asking: readonly Asking[], inForce: Declared): Settled {
  const declaring = asking.filter(({ options }) => Object.keys(options).length > 0);
  const [first] = declaring;
  if (first === undefined) return { declared: inForce, first: null, ignored: [] };
  const text = textOf(first.options);
  return {
    declared: text === textOf(inForce) ? inForce : first.options,
    first: first.target,
    ignored: declaring.filter(({ options }) => textOf(options) !== text),
  };
}

/** The same for the same options, in whatever order. */
export function textOf(declared: Declared): string {
  const texts = Object.entries(declared).map(([name, value]) => `${name}=${value}`);
  return texts.sort().join(", ");
}

/** What a pool's memory follows from, and how long it takes to make one: no reporter gets more than the operator has decided for all. */
const SIZES = ["maxTargets", "maxBindings", "queue"] as const;

/** Throws `BAD_OPTION` where one of them is none that can be declared, or has no such value, or asks for more than `defaults` have. */
export function check(declared: Declared, defaults: Pick<PoolSettings, (typeof SIZES)[number]>): void {
  const values = valuesOf(declared);
  const over = SIZES.filter((name) => (values[name] ?? 0) > defaults[name]);
  if (over.length > 0) throw wrong(over.map((name) => `${spell(name, "file")}: at most ${defaults[name]} here`));
}

/** Throws as check() does, but for how much it is. */
export function valuesOf(declared: Declared): Partial<PoolSettings> {
  const problems: string[] = [];
  const values = declaredValues(declared, problems);
  if (problems.length === 0) return values;
  throw wrong(problems);
}

function wrong(problems: readonly string[]): HarmonyError {
  return new HarmonyError("BAD_OPTION", `an option of the pool is wrong: ${problems.join("; ")}`, { fault: "target" });
}
