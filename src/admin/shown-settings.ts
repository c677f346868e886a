/** The settings in force, as JSON: maps are objects, bytes are text, and no secret is in it. */
import type { BalancerSettings } from "../config/settings.ts";

/** In place of a secret that there is. */
const MASKED = "***";

export function shownSettings({ adminTls: _, key, ...settings }: BalancerSettings): unknown {
  return plain({ ...settings, key: key === null ? null : MASKED });
}

function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return new TextDecoder().decode(value);
  if (value instanceof Map) return plain(Object.fromEntries(value));
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === "function") return "a function of the program that embeds the balancer";
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, plain(each)]));
}
