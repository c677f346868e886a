/** A claim (../permits.ts), carried out in the server: nobody else claims anything between looking and writing. */

import { MAX_TEXT } from "../max-text.ts";
import {
  type Claimed,
  type Claims,
  type Held,
  MOST_LIFE_MS,
  MOST_ROWS,
  MOST_ROWS_BYTES,
  readHeld,
  SEQ_REACH,
} from "../permits.ts";
import type { Answer } from "./connection.ts";
import { type Script, script } from "./layout.ts";

/** What goes behind the channel. `expiry`: ms after which all is gone if nobody claims anything. */
export function claimArguments(id: string, claims: Claims, hint: string, expiry: number): string[] {
  const { seq, life, quiet, quietIfEmpty, pools, others } = claims;
  const rows = pools.flatMap(({ pool, limit, holds, keeps, wants, used, waiting }) => [
    pool,
    ...[limit, holds, keeps, wants, used, waiting].map(String),
  ]);
  const numbers = [life, seq, quiet, quietIfEmpty, others.size].map(String);
  return [hint, String(expiry), id, ...numbers, ...[...others].flat(), ...rows];
}

/** null: it was late. undefined: it is no answer. */
export function parseClaimed(answer: Answer | undefined): Claimed | null | undefined {
  if (!Array.isArray(answer)) return undefined;
  if (answer.length === 0) return null;
  const [now = "", quietUntil = "", text = "", ...rest] = answer.map(String);
  const own = readHeld(text);
  if (own === null || !/^\d{1,16}$/.test(now) || !/^\d{1,16}$/.test(quietUntil)) return undefined;
  const others = new Map<string, Held>();
  for (let i = 0; i + 1 < rest.length; i += 2) {
    const held = readHeld(rest[i + 1]!);
    if (held !== null) others.set(rest[i]!, held);
  }
  return { now: Number(now), quietUntil: Number(quietUntil), own, others };
}

const CLAIM_SCRIPT = `
local channel, hint, expiry, id, life, seq = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], tonumber(ARGV[6])
local quiet, quietIfEmpty, others = tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9])
local time = redis.call("TIME")
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local answer, own, taken, limits, wanted = {}, "", {}, {}, {}
local quietUntil = 0
local rows, room = ${MOST_ROWS}, ${MOST_ROWS_BYTES}
local isEmpty = redis.call("EXISTS", KEYS[1]) == 0
for i = 10, 8 + 2 * others, 2 do
  local at, span, number, pools = string.match(ARGV[i + 1], "^(%d+) (%d+) (%d+)(.*)$")
  local there = redis.call("HGET", KEYS[1], ARGV[i])
  local last = there and (tonumber(string.match(there, "^%d+ %d+ (%d+)")) or math.huge)
  local isNews = not last or (last < tonumber(number) and number - last < ${SEQ_REACH})
  if at and isNews then redis.call("HSET", KEYS[1], ARGV[i], ARGV[i + 1]) end
end
local row = ";(%S+) (%d+) (%d+) (%d+) (%d+) (%d+)"
local all = redis.call("HGETALL", KEYS[1])
for i = 1, #all, 2 do
  local name, text = all[i], all[i + 1]
  local at, span, rest = string.match(text, "^(%d+) (%d+)( %d+.*)$")
  if name == "quiet" then quietUntil = tonumber(string.match(text, "^%d+$")) or 0
  elseif name == id then own = text
  elseif not at or #text > ${MAX_TEXT} or at + math.min(span, ${MOST_LIFE_MS}) <= now then redis.call("HDEL", KEYS[1], name)
  else
    if tonumber(at) > now or tonumber(span) > ${MOST_LIFE_MS} then
      text = string.format("%.0f %.0f%s", math.min(at, now), math.min(span, ${MOST_LIFE_MS}), rest)
      redis.call("HSET", KEYS[1], name, text)
    end
    rows, room = rows - 1, room - #name - #text
    if rows >= 0 and room >= 0 then answer[#answer + 1], answer[#answer + 2] = name, text end
    for pool, held, _, waiting, limit, lack in string.gmatch(text, row) do
      taken[pool] = (taken[pool] or 0) + held
      limits[pool] = math.min(limits[pool] or math.huge, tonumber(limit))
      if tonumber(lack) > 0 or tonumber(waiting) > 0 then wanted[pool] = true end
    end
  end
end
local last = tonumber(string.match(own, "^%d+ %d+ (%d+)"))
if last and last >= seq and last - seq < ${SEQ_REACH} then return {} end
if isEmpty then quiet = math.max(quiet, quietIfEmpty) end
if quiet > 0 then quietUntil = math.max(quietUntil, now + quiet) end
quietUntil = math.min(quietUntil, now + 60000)
local before, lacked, waited = {}, {}, {}
for pool, held, _, waiting, _, lack in string.gmatch(own, row) do
  before[pool], lacked[pool], waited[pool] = tonumber(held), tonumber(lack), tonumber(waiting)
end
local texts, tell = { string.format("%.0f %s %.0f", now, life, seq) }, false
for i = 10 + 2 * others, #ARGV, 7 do
  local pool, limit, holds, keeps, wants = ARGV[i], ARGV[i + 1], tonumber(ARGV[i + 2]), tonumber(ARGV[i + 3]), tonumber(ARGV[i + 4])
  local free = math.min(tonumber(limit), limits[pool] or math.huge) - (taken[pool] or 0)
  local held = math.max(holds, math.min(now < quietUntil and keeps or wants, free))
  local lack = math.max(0, wants - held)
  texts[#texts + 1] = string.format("%s %.0f %s %s %s %.0f", pool, held, ARGV[i + 5], ARGV[i + 6], limit, lack)
  if lack > (lacked[pool] or 0) or (wanted[pool] and held < (before[pool] or 0)) then tell = true end
  if tonumber(ARGV[i + 6]) > 0 and (waited[pool] or 0) == 0 then tell = true end
  before[pool] = nil
end
for pool, held in pairs(before) do
  if wanted[pool] and held > 0 then tell = true end
end
local text = table.concat(texts, ";")
redis.call("HSET", KEYS[1], id, text)
redis.call("HSET", KEYS[1], "quiet", string.format("%.0f", quietUntil))
redis.call("PEXPIRE", KEYS[1], expiry)
if tell then redis.call("PUBLISH", channel, hint) end
return { string.format("%.0f", now), string.format("%.0f", quietUntil), text, unpack(answer) }
`;

export const CLAIM: Script = script(CLAIM_SCRIPT);
