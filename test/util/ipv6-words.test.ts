import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ipv6Groups, parseIp } from "../../src/util/address.ts";
import { parseIpv6Words } from "../../src/util/ipv6-words.ts";
import { amount } from "../support/amount.ts";
import fc from "../support/draws.ts";

/** What the words are by the reader of all forms; null: it takes the text for no address. */
function byGroups(text: string): number[] | null {
  const ip = parseIp(text);
  if (ip === null) return null;
  const groups = ipv6Groups(ip);
  return [0, 2, 4, 6].map((at) => groups[at]! * 65_536 + groups[at + 1]!);
}

describe("IPv6 addresses as words", () => {
  it("are what the reader of all forms makes of them", () => {
    const group = fc.integer({ min: 0, max: 0xffff }).map((value) => value.toString(16));
    const address = fc
      .tuple(fc.array(group, { minLength: 0, maxLength: 8 }), fc.nat({ max: 8 }), fc.boolean())
      .map(([groups, at, upper]) => {
        const text =
          groups.length === 8 ? groups.join(":") : `${groups.slice(0, at).join(":")}::${groups.slice(at).join(":")}`;
        return upper ? text.toUpperCase() : text;
      });
    fc.assert(
      fc.property(address, (text) => {
        const words = new Uint32Array(4).fill(7);
        assert.ok(parseIpv6Words(text, words), text);
        assert.deepEqual([...words], byGroups(text), text);
      }),
      { numRuns: amount(2000) },
    );
  });

  it("are of no text that it takes for none, nor of another value", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[0-9a-fA-F:.%g]{0,24}$/), (text) => {
        const words = new Uint32Array(4);
        if (parseIpv6Words(text, words)) assert.deepEqual([...words], byGroups(text), text);
      }),
      { numRuns: amount(20_000) },
    );
  });

  it("are not looked for in what is no address of groups alone", () => {
    const words = new Uint32Array(4);
    for (const text of [
      "",
      ":",
      ":::",
      "1:",
      "::1:",
      "1::2::3",
      "1:2:3:4:5:6:7",
      "1:2:3:4:5:6:7:8:9",
      "12345::",
      "::1%lo",
      "::1.2.3.4",
      "1.2.3.4",
    ]) {
      assert.ok(!parseIpv6Words(text, words), text);
    }
  });
});
