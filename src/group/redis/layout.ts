/** How a group is kept: names of keys, and the commands that write and read them. Version 1; another one would have other names. */
import { createHash } from "node:crypto";
import { AHEAD_MS } from "../../util/ahead.ts";
import type { Changes, CommonSection, Section, Stamped } from "../store.ts";
import type { Command } from "./connection.ts";

/** What a balancer has written is gone a day after it was last heard. Orders and revocations stay. */
export const LIFE_MS: number = 24 * 60 * 60_000;
/** Names in one command: the server does nothing else while it carries one out, and its Lua takes no 8,000 values for a call. */
const PIECE = 3_000;

const SECTIONS: readonly Section[] = ["targets", "bindings", "shares"];

/** The tag in braces has all keys of a group on one node of a cluster, which takes transactions and scripts over them only so. */
export class Layout {
  readonly members: string;
  readonly permits: string;
  readonly channel: string;
  readonly #prefix: string;

  constructor(group: string) {
    this.#prefix = `harmony:{${group}}:1:`;
    this.members = `${this.#prefix}members`;
    this.permits = `${this.#prefix}permits`;
    this.channel = `${this.#prefix}hints`;
  }

  own(id: string, section: Section): string {
    return `${this.#prefix}${section}:${id}`;
  }

  common(section: CommonSection): string {
    return this.#prefix + section;
  }

  words(): Command[] {
    return [["HGETALL", this.members]];
  }

  say(id: string, word: string): Command[] {
    return [
      ...this.words(),
      ["HSET", this.members, id, word],
      ...[this.members, ...SECTIONS.map((section) => this.own(id, section))].map((key) => expiry(key)),
    ];
  }

  /** To be carried out together. What the mark was is the first answer, if one is given. */
  write(
    id: string,
    section: Section,
    { set, remove, anew, mark }: Changes,
    word: string | null,
    hint: string,
  ): Command[] {
    const key = this.own(id, section);
    return [
      ...(mark ? [["HGET", key, mark[0]] as const] : []),
      ...(anew ? [["DEL", key] as const] : []),
      ...pieces([...set, ...(mark ? [mark] : [])]).map((piece): Command => ["HSET", key, ...piece.flat()]),
      ...pieces(remove).map((piece): Command => ["HDEL", key, ...piece]),
      expiry(key),
      ...(word === null ? [] : [["HSET", this.members, id, word] as const, expiry(this.members)]),
      ["PUBLISH", this.channel, hint],
    ];
  }

  /** For AFTER. */
  after(id: string, section: Section, mark: string, text: string, commands: readonly Command[]): string[] {
    const key = this.own(id, section);
    return ["2", key, this.members, mark, text, ...commands.flatMap((command) => [String(command.length), ...command])];
  }

  forget(id: string, hint: string): Command[] {
    return transaction([
      ["HDEL", this.members, id],
      ["HDEL", this.permits, id],
      ["DEL", ...SECTIONS.map((section) => this.own(id, section))],
      ["PUBLISH", this.channel, hint],
    ]);
  }

  /** Each a script: what goes behind EVALSHA and its sum, or behind EVAL and its text. */
  stamp(section: CommonSection, values: ReadonlyMap<string, Stamped>, hint: string): string[][] {
    const rows = [...values].map(([name, { at, text }]) => [name, String(at), text]);
    const all = rows.length === 0 ? [[]] : pieces(rows);
    return all.map((piece, index) => {
      const isLast = index === all.length - 1;
      return ["1", this.common(section), this.channel, ...(isLast ? ["1", hint] : ["0", ""]), ...piece.flat()];
    });
  }

  discard(section: CommonSection, values: ReadonlyMap<string, Stamped>): string[][] {
    const rows = [...values].map(([name, { at, text }]) => [name, `${at} ${text}`]);
    return pieces(rows).map((piece) => ["1", this.common(section), ...piece.flat()]);
  }
}

export function readCommands(key: string, names: readonly string[] | null): Command[] {
  if (names === null) return [["HGETALL", key]];
  return pieces(names).map((piece): Command => ["HMGET", key, ...piece]);
}

function expiry(key: string): Command {
  return ["PEXPIRE", key, String(LIFE_MS)];
}

export function transaction(commands: readonly Command[]): Command[] {
  return [["MULTI"], ...commands, ["EXEC"]];
}

function pieces<T>(all: readonly T[]): T[][] {
  const count = Math.ceil(all.length / PIECE);
  return Array.from({ length: count }, (_, i) => all.slice(i * PIECE, (i + 1) * PIECE));
}

/**
 * A value is its time, a space and its text. Which of two holds is decided in the server, where nothing comes between looking and writing, and
 * by bytes, as in stamped.ts: comparing texts in Lua would go by the server's language. More digits than a time has are none.
 */
const STAMP_SCRIPT = `
local now = redis.call("TIME")
local limit = now[1] * 1000 + math.floor(now[2] / 1000) + ${AHEAD_MS}
local function holds(at, text, other)
  local digits = string.match(other, "^(%d+) ")
  if not digits or #digits > 16 then return true end
  local before = tonumber(digits)
  if before > limit then return true end
  if at ~= before then return at > before end
  local old = string.sub(other, #digits + 2)
  for i = 1, math.min(#text, #old) do
    local one, two = string.byte(text, i), string.byte(old, i)
    if one ~= two then return one > two end
  end
  return #text > #old
end
local redated = {}
for i = 4, #ARGV, 3 do
  local name, at, text = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  if tonumber(at) > limit then
    at = string.format("%.0f", limit)
    redated[#redated + 1] = name
    redated[#redated + 1] = at
  end
  local other = redis.call("HGET", KEYS[1], name)
  if not other or holds(tonumber(at), text, other) then redis.call("HSET", KEYS[1], name, at .. " " .. text) end
end
if ARGV[2] == "1" then redis.call("PUBLISH", ARGV[1], ARGV[3]) end
return redated
`;

const DISCARD_SCRIPT = `
for i = 1, #ARGV, 2 do
  if redis.call("HGET", KEYS[1], ARGV[i]) == ARGV[i + 1] then redis.call("HDEL", KEYS[1], ARGV[i]) end
end
return 1
`;

/** The commands, each behind how many words it has, where that field of the first key has that text. Gives what it has, in a list. */
const AFTER_SCRIPT = `
local before = redis.call("HGET", KEYS[1], ARGV[1])
if before ~= ARGV[2] then return { before } end
local first = 4
while first <= #ARGV do
  local last = first + tonumber(ARGV[first - 1]) - 1
  redis.call(unpack(ARGV, first, last))
  first = last + 2
end
return { before }
`;

export interface Script {
  readonly text: string;
  /** By which the server knows it once it has been sent. */
  readonly sum: string;
}

export const AFTER: Script = script(AFTER_SCRIPT);
export const STAMP: Script = script(STAMP_SCRIPT);
export const DISCARD: Script = script(DISCARD_SCRIPT);

export function script(text: string): Script {
  return { text, sum: createHash("sha1").update(text).digest("hex") };
}

/** undefined: it is no value of a common section. */
export function parseStamped(value: string): Stamped | undefined {
  const [, digits, text] = /^(\d{1,16}) (.*)$/s.exec(value) ?? [];
  return digits === undefined || text === undefined ? undefined : { text, at: Number(digits) };
}
