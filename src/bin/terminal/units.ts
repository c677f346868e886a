/** Times, amounts and parts as people read them, of a few columns at most, so that columns of them do not jump. */

/** The widest text of each: `12d04h`, `99.9k`, `99.9 MB`, `99.9`. */
export const SPAN = 6;
export const AMOUNT = 5;
export const BYTES = 7;
export const MS = 5;

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Below the first, a time is so many of the second ago. */
const AGES: readonly (readonly [below: number, size: number, unit: string])[] = [
  [MINUTE, 0, "now"],
  [2 * HOUR, MINUTE, "min"],
  [2 * DAY, HOUR, "h"],
  [Number.POSITIVE_INFINITY, DAY, "days"],
];

/** For what is known to the minute. */
export function agoText(ms: number): string {
  const [, size, unit] = AGES.find(([below]) => ms < below)!;
  return size === 0 ? unit : `${Math.floor(ms / size)} ${unit} ago`;
}

/** `850ms`, `12s`, `4m05s`, `3h20m`, `12d04h`. A time that has not come, by a clock that goes before ours, is `0s`. */
export function spanText(ms: number): string {
  if (ms < 0) return "0s";
  if (ms < SECOND) return `${Math.round(ms)}ms`;
  if (ms < MINUTE) return `${Math.floor(ms / SECOND)}s`;
  if (ms < HOUR) return two(ms, MINUTE, "m", SECOND, "s");
  if (ms < DAY) return two(ms, HOUR, "h", MINUTE, "m");
  return two(ms, DAY, "d", HOUR, "h");
}

function two(ms: number, large: number, largeUnit: string, small: number, smallUnit: string): string {
  const rest = Math.floor((ms % large) / small);
  return `${Math.floor(ms / large)}${largeUnit}${String(rest).padStart(2, "0")}${smallUnit}`;
}

/** Since a time of the API. */
export function sinceText(time: string | null, now: number): string {
  return time === null ? "-" : spanText(now - Date.parse(time));
}

/** As measured: `0.4`, `12.5`, `340`; the column says that it is ms. */
export function msText(ms: number | null): string {
  if (ms === null) return "-";
  return ms < 100 ? ms.toFixed(1) : String(Math.round(ms));
}

const STEPS = ["", "k", "M", "G", "T", "P"] as const;

/** Three digits and the power of a thousand: `0`, `999`, `1.2k`, `34.5k`, `678k`, `9.1M`. */
export function amountText(amount: number): string {
  let step = 0;
  let rest = amount;
  while (rest >= 999.5 && step < STEPS.length - 1) {
    rest /= 1000;
    step++;
  }
  if (step === 0) return Number.isInteger(rest) || rest >= 99.95 ? String(Math.round(rest)) : rest.toFixed(1);
  return `${rest < 99.95 ? rest.toFixed(1) : Math.round(rest)}${STEPS[step]}`;
}

/** `1.2 MB`. */
export function bytesText(bytes: number): string {
  const amount = amountText(Math.round(bytes));
  const unit = /[a-zA-Z]$/.test(amount) ? amount.slice(-1) : "";
  return `${unit === "" ? amount : amount.slice(0, -1)} ${unit}B`;
}

/** Of 0 to 1: `42%`; less than half a percent that is not nothing is `<1%`. */
export function partText(part: number | null): string {
  if (part === null) return "-";
  return part > 0 && part < 0.005 ? "<1%" : `${Math.round(part * 100)}%`;
}
