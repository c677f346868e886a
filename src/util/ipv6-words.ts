/** IPv6 addresses as four numbers, read by hand: ipaddr.js takes fifty times as long, and lists have 100,000 lines. */

const COLON = 0x3a;

/**
 * Writes the big-endian words of an address in groups of hexadecimal digits, with at most one "::", into `into`. False: it is anything
 * else, which may still be an address (with IPv4 at its end, with a zone); `into` is void then.
 */
export function parseIpv6Words(text: string, into: Uint32Array): boolean {
  let groups = 0;
  let gap = -1; // the groups before "::"
  let at = 0;
  into.fill(0);
  if (text.startsWith("::")) {
    gap = 0;
    at = 2;
  }
  while (at < text.length) {
    const start = at;
    let value = 0;
    for (; at < text.length && at - start <= 4; at++) {
      const digit = hexDigit(text.charCodeAt(at));
      if (digit < 0) break;
      value = value * 16 + digit;
    }
    if (at === start || at - start > 4 || groups === 8) return false;
    setGroup(into, groups++, value);
    if (at === text.length) break;
    if (text.charCodeAt(at++) !== COLON) return false;
    if (at === text.length) return false; // a single colon at the end
    if (text.charCodeAt(at) !== COLON) continue;
    if (gap >= 0) return false;
    gap = groups;
    at++;
  }
  if (gap < 0) return groups === 8;
  if (groups > 7) return false;
  openGap(into, gap, groups);
  return true;
}

function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const letter = code | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

function groupOf(words: Uint32Array, group: number): number {
  return group % 2 === 0 ? words[group >> 1]! >>> 16 : words[group >> 1]! & 0xffff;
}

function setGroup(words: Uint32Array, group: number, value: number): void {
  const word = words[group >> 1]!;
  words[group >> 1] = group % 2 === 0 ? (value << 16) | (word & 0xffff) : (word & 0xffff_0000) | value;
}

/** Moves the groups from `gap` on to the end. */
function openGap(words: Uint32Array, gap: number, groups: number): void {
  for (let i = 1; i <= groups - gap; i++) {
    const from = groups - i;
    const value = groupOf(words, from);
    setGroup(words, from, 0);
    setGroup(words, 8 - i, value);
  }
}
