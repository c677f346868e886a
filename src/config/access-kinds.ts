/** The kinds of value that say which clients may come, how often, and what others get. */
import { AddressRanges } from "../edge/access/address-ranges.ts";
import type { RefusalAnswer } from "../edge/rules.ts";
import { formatDuration } from "../util/durations.ts";
import { listOf } from "./address-kinds.ts";
import { type Kind, kindOf, textCodec } from "./kind.ts";
import { duration, integer, NO } from "./kinds.ts";

/** A network, or a file that has one a line. */
export type AddressEntry = { readonly cidr: string } | { readonly file: string };

/** `10.0.0.0/8`, `2001:db8::/32`, or an address alone. */
export function isCidr(text: string): boolean {
  return new AddressRanges().add(text);
}

export const addressList: Kind<readonly AddressEntry[], string | readonly string[]> = kindOf(
  {
    placeholder: "CIDR|@FILE",
    allowed:
      "networks and addresses such as 10.0.0.0/8, 192.0.2.7 or 2001:db8::/32, or @ and the path of a file that has one a line",
    library: { words: "string, or a list of them" },
    list: true,
  },
  listOf<AddressEntry>(
    (text) => {
      if (text.startsWith("@")) return text.length > 1 ? { file: text.slice(1) } : undefined;
      return isCidr(text) ? { cidr: text } : undefined;
    },
    (entry) => ("file" in entry ? `@${entry.file}` : entry.cidr),
  ),
);

/** So many in a time. */
export interface ClientRate {
  readonly amount: number;
  readonly perMs: number;
}

const RATE = /^(\d{1,6})\/(s|m|h)$/;
const MS = { s: 1_000, m: 60_000, h: 3_600_000 } as const;

/** `off` is null. */
export const clientRate: Kind<ClientRate | null, false | string> = kindOf(
  {
    placeholder: "off|RATE",
    allowed: "off, or connections in a second, a minute or an hour, such as 20/s, 30/m or 100/h",
    library: { words: "`false`, or text such as `20/s`" },
    schema: { anyOf: [{ enum: [false, "off"] }, { type: "string", pattern: RATE.source }] },
  },
  textCodec<ClientRate | null>(
    (given) => {
      if (NO.includes(given)) return null;
      const [, digits = "0", per] = RATE.exec(given) ?? [];
      const amount = Number(digits);
      return amount > 0 ? { amount, perMs: MS[per as keyof typeof MS] } : undefined;
    },
    (value) => {
      if (value === null) return "off";
      const [unit] = Object.entries(MS).find(([, ms]) => ms === value.perMs)!;
      return `${value.amount}/${unit}`;
    },
  ),
);

/** Bits of an address that make one client. */
export interface ClientNetwork {
  readonly v4: number;
  readonly v6: number;
}

const v4Bits = integer(1, 32);
const v6Bits = integer(1, 128);

export const clientNetwork: Kind<ClientNetwork, string> = kindOf(
  {
    placeholder: "BITS BITS",
    allowed: "the bits of an IPv4 address and of an IPv6 address that make one client, such as `32 64`",
    library: { words: "text such as `32 64`" },
    schema: { type: "string", pattern: "^\\d{1,2} \\d{1,3}$" },
  },
  textCodec<ClientNetwork>(
    (given) => {
      const [first = "", second = "", ...more] = given.trim().split(/\s+/);
      const [v4, v6] = [v4Bits.parse(first), v6Bits.parse(second)];
      return v4 && v6 && more.length === 0 ? { v4: v4.value, v6: v6.value } : undefined;
    },
    ({ v4, v6 }) => `${v4} ${v6}`,
  ),
);

/** ms. A program that tries again and again is slowed down, and a person has not yet left. */
const DEFAULT_TARPIT = 10_000;
/** Bytes: it goes out in one piece. */
const LONGEST_TEXT = 4_096;

export const refusalAnswer: Kind<RefusalAnswer, string> = kindOf(
  {
    placeholder: "reset|close|tarpit [DURATION]|text TEXT",
    allowed: `reset, close, tarpit, tarpit and a duration above 0 such as \`tarpit 30s\`, or text and a text of at most ${LONGEST_TEXT} bytes`,
    library: { words: "`reset`, `close`, or text such as `tarpit 30s` or `text Go away.`" },
  },
  textCodec<RefusalAnswer>(parseAnswer, (value) => {
    if (value.type === "text") return `text ${new TextDecoder().decode(value.text)}`;
    if (value.type !== "tarpit") return value.type;
    return value.ms === DEFAULT_TARPIT ? "tarpit" : `tarpit ${formatDuration(value.ms)}`;
  }),
);

const time = duration(1);

function parseAnswer(given: string): RefusalAnswer | undefined {
  if (given === "reset" || given === "close") return { type: given };
  if (given === "tarpit") return { type: "tarpit", ms: DEFAULT_TARPIT };
  const [, type, rest = ""] = /^(tarpit|text) (.+)$/s.exec(given) ?? [];
  if (type === "tarpit") {
    const ms = time.parse(rest)?.value;
    return ms === undefined ? undefined : { type, ms };
  }
  if (type !== "text") return undefined;
  const text = new TextEncoder().encode(rest);
  return text.length <= LONGEST_TEXT ? { type, text } : undefined;
}
