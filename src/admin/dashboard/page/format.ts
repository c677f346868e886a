/** Numbers, sizes and times as people read them. Each has a fixed number of digits, so that columns stand still. */

/** What is not known. */
export const NONE = "–";
/** Narrow, and never at the end of a line. */
const SPACE = "\u202f";
const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

export function count(value: number | null): string {
  return value === null ? NONE : whole.format(value);
}

/** Three digits that count. */
function digits(value: number): string {
  if (value >= 99.95 || value === 0) return whole.format(value);
  return value.toFixed(value >= 9.995 ? 1 : 2);
}

export function perSecond(value: number | null): string {
  if (value === null) return NONE;
  if (value === 0 || value >= 99.95) return `${whole.format(value)}/s`;
  return `${value.toFixed(value < 0.095 ? 2 : 1)}/s`;
}

const SIZES = ["B", "kB", "MB", "GB", "TB", "PB"];

export function bytes(value: number | null): string {
  if (value === null) return NONE;
  let unit = 0;
  let size = value;
  while (size >= 999.5 && unit < SIZES.length - 1) {
    size /= 1000;
    unit++;
  }
  return `${unit === 0 ? Math.round(size) : digits(size)}${SPACE}${SIZES[unit]}`;
}

export function bytesPerSecond(value: number | null): string {
  return value === null ? NONE : `${bytes(value)}/s`;
}

/** 0 to 1. */
export function percent(part: number | null): string {
  return part === null ? NONE : `${Math.round(part * 100)}${SPACE}%`;
}

/** A measured time. */
export function milliseconds(ms: number | null): string {
  if (ms === null) return NONE;
  if (ms === 0) return `0${SPACE}ms`;
  if (ms < 9.995) return `${ms.toFixed(ms < 0.995 ? 2 : 1)}${SPACE}ms`;
  if (ms < 999.5) return `${Math.round(ms)}${SPACE}ms`;
  return span(ms);
}

const SPANS: readonly [unit: string, ms: number, next: number][] = [
  ["s", 1000, 60],
  ["min", 60_000, 60],
  ["h", 3_600_000, 48],
  ["d", 86_400_000, Number.POSITIVE_INFINITY],
];

/** How long something lasts or lasted. A few seconds have a decimal, unless they are whole. */
export function span(ms: number | null): string {
  if (ms === null) return NONE;
  const [unit, size] = SPANS.find(([, each, next]) => ms < each * next) ?? SPANS.at(-1)!;
  const value = ms / size;
  const exact = unit === "s" && value < 9.95 && value % 1 !== 0;
  return `${exact ? value.toFixed(1) : Math.floor(value)}${SPACE}${unit}`;
}

/** `now` in ms since 1970, as the balancer's clock has it. */
export function ago(time: string | null, now: number): string {
  return time === null ? NONE : span(Math.max(0, Math.floor((now - Date.parse(time)) / 1000) * 1000));
}

/** A moment: with its day where that is not today's. */
export function moment(time: string, now: number): string {
  const then = new Date(time);
  const clock = then.toLocaleTimeString("en-GB");
  if (then.toDateString() === new Date(now).toDateString()) return clock;
  return `${then.toLocaleDateString("en-CA")} ${clock}`;
}

/** `one` or `several`, after its number. */
export function counted(number: number, one: string, several = `${one}s`): string {
  return `${count(number)} ${number === 1 ? one : several}`;
}
