/** How options say what becomes of open connections when targets go and come. */
import { MOST_PER_SECOND, type Rate } from "../targets/removal/rate.ts";
import { formatDuration } from "../util/durations.ts";
import { type Kind, kindOf, textCodec } from "./kind.ts";
import { duration, NO } from "./kinds.ts";

/** ms that they have to finish: `keep` is null, without limit; `kill` is 0; `drain` alone is `time` ms. */
export function removal(time: number): Kind<number | null, string> {
  const deadline = duration(1);
  return kindOf(
    {
      placeholder: "keep|drain [DURATION]|kill",
      allowed: "keep, kill, drain, or drain and a duration above 0: `drain 30s`",
      library: { words: "`keep`, `kill`, or text such as `drain 30s`" },
      schema: { type: "string", pattern: "^(keep|kill|drain( \\d+(\\.\\d+)?(ms|s|m|h|d))?)$" },
    },
    textCodec<number | null>(
      (given) => {
        if (given === "keep") return null;
        if (given === "kill") return 0;
        if (given === "drain") return time;
        return given.startsWith("drain ") ? deadline.parse(given.slice("drain ".length))?.value : undefined;
      },
      (value) => {
        if (value === null) return "keep";
        if (value === 0) return "kill";
        return value === time ? "drain" : `drain ${formatDuration(value)}`;
      },
    ),
  );
}

const RATE = /^(\d{1,7})(%?)\/(s|m)$/;
const MS = { s: 1_000, m: 60_000 } as const;

/** Connections in a time, or percents of those that are open; `off` is null. */
export const rate: Kind<Rate | null, false | string> = kindOf(
  {
    placeholder: "off|RATE",
    allowed: `off, or connections or percents of them in a second or a minute, such as 10/s, 30/m or 1%/s: from 1 to ${MOST_PER_SECOND}, or to 100%`,
    library: { words: "`false`, or text such as `10/s`" },
    schema: { anyOf: [{ enum: [false, "off"] }, { type: "string", pattern: RATE.source }] },
  },
  textCodec<Rate | null>(
    (given) => {
      if (NO.includes(given)) return null;
      const [, digits = "0", percent = "", per] = RATE.exec(given) ?? [];
      const amount = Number(digits);
      if (amount < 1 || amount > (percent === "" ? MOST_PER_SECOND : 100)) return undefined;
      return { amount, of: percent === "" ? "connections" : "percent", perMs: MS[per as keyof typeof MS] };
    },
    (value) => (value === null ? "off" : textOf(value)),
  ),
);

function textOf({ amount, of, perMs }: Rate): string {
  return `${amount}${of === "percent" ? "%" : ""}/${perMs === MS.s ? "s" : "m"}`;
}
