import { HarmonyError } from "./errors.ts";

const UNITS = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1_000],
  ["ms", 1],
] as const;

/** Timers of all three runtimes hold a signed 32-bit count of ms; anything longer would fire at once. */
export const MAX_DURATION_MS = 2 ** 31 - 1;

/** For messages and help. */
export const DURATION_EXAMPLES = "500ms, 30s, 5m, 2h or 1d (at most 24d)";

const ALLOWED = `a number and a unit, such as ${DURATION_EXAMPLES}, or 0`;

/**
 * `500ms`, `30s`, `1.5m`, `2h`, `1d`, or `0` → whole milliseconds.
 * Throws HarmonyError `BAD_DURATION` that quotes the text and says what is allowed.
 */
export function parseDuration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text.trim());
  if (text.trim() === "0") return 0;
  const unit = UNITS.find(([name]) => name === match?.[2]);
  const ms = match && unit ? Math.round(Number(match[1]) * unit[1]) : Number.NaN;
  if (!(ms <= MAX_DURATION_MS)) {
    throw new HarmonyError("BAD_DURATION", `"${text}" is not a duration: give ${ALLOWED}`, { fault: "config" });
  }
  return ms;
}

/** For people: `1.5 s`. */
export function inSeconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}

/** Whole milliseconds → the shortest text that `parseDuration` reads back as the same number: 60000 → `1m`, 1500 → `1500ms`. */
export function formatDuration(ms: number): string {
  if (ms === 0) return "0";
  for (const [name, size] of UNITS) {
    if (ms % size === 0) return `${ms / size}${name}`;
  }
  return `${Math.round(ms)}ms`;
}
