/** The kind of value that says how TCP keepalive asks: `idle=30s interval=10s count=3`, any of which may be left out. */
import { MOST_KEEPALIVE_PROBES, MOST_KEEPALIVE_SECONDS, type Probing } from "../net/keepalive.ts";
import { formatDuration } from "../util/durations.ts";
import { type Kind, kindOf, textCodec } from "./kind.ts";
import { duration, integer } from "./kinds.ts";
import { splitWords } from "./split.ts";

const MS_PER_SECOND = 1_000;

const milliseconds = duration(1);
const seconds = kindOf<number, string>(
  { placeholder: "DURATION", allowed: "whole seconds", library: { words: "string" } },
  textCodec<number>(
    (text) => {
      const whole = (milliseconds.parse(text)?.value ?? 0) / MS_PER_SECOND;
      return Number.isInteger(whole) && whole >= 1 && whole <= MOST_KEEPALIVE_SECONDS ? whole : undefined;
    },
    (value) => formatDuration(value * MS_PER_SECOND),
  ),
);

const words = { idle: seconds, interval: seconds, count: integer(1, MOST_KEEPALIVE_PROBES) } as const;

const LONGEST = formatDuration(MOST_KEEPALIVE_SECONDS * MS_PER_SECOND);

/** What is left out follows from the time after which a peer is given up: probingOf(). */
export const keepaliveTimes: Kind<Partial<Probing>, string> = kindOf(
  {
    placeholder: "WORDS",
    allowed: `one or more of idle=DURATION interval=DURATION count=N, such as idle=30s interval=10s count=3: whole seconds up to ${LONGEST}, and 1 to ${MOST_KEEPALIVE_PROBES} probes`,
    library: { words: "text such as `idle=30s interval=10s count=3`" },
  },
  textCodec<Partial<Probing>>(parse, format),
);

function parse(text: string): Partial<Probing> | undefined {
  const times: { -readonly [K in keyof Probing]?: number } = {};
  const given = splitWords(text);
  for (const word of given) {
    const [, name, value = ""] = /^(idle|interval|count)=(.*)$/.exec(word) ?? [];
    const key = name as keyof Probing | undefined;
    const parsed = key === undefined || key in times ? null : words[key].parse(value);
    if (parsed === null) return undefined;
    times[key!] = parsed.value;
  }
  return given.length === 0 ? undefined : times;
}

function format(times: Partial<Probing>): string {
  const names = (["idle", "interval", "count"] as const).filter((name) => times[name] !== undefined);
  return names.map((name) => `${name}=${words[name].format(times[name]!)}`).join(" ");
}
