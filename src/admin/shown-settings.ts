/** The settings in force, as JSON: maps are objects, bytes are text, and no secret is in it. */
import type { BalancerSettings } from "../config/settings.ts";

/** In place of a secret that there is. */
const MASKED = "***";

/** Settings do not change: they are others after a reload. Those of ten thousand targets take tens of ms to make. */
const known = new WeakMap<BalancerSettings, unknown>();

export function shownSettings(settings: BalancerSettings): unknown {
  const shown = known.get(settings) ?? shownAnew(settings);
  known.set(settings, shown);
  return shown;
}

function shownAnew({ adminTls: _, apiTls: __, key, groupPassword, ...settings }: BalancerSettings): unknown {
  const masked = (secret: string | null) => (secret === null ? null : MASKED);
  return plain({ ...settings, key: masked(key), groupPassword: masked(groupPassword) });
}

/** A part of them. */
export function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return new TextDecoder().decode(value);
  if (value instanceof Map) return plain(Object.fromEntries(value));
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === "function") return "a function of the program that embeds the balancer";
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, plain(each)]));
}
