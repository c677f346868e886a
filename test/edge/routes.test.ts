import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { RouteTable } from "../../src/edge/routes.ts";
import type { RouteRule } from "../../src/edge/rules.ts";
import fc from "../support/draws.ts";

const rule = (names: string | readonly string[], ...alpn: readonly string[]): RouteRule => ({
  names: typeof names === "string" ? names.split(" ").filter((name) => name !== "") : names,
  alpn,
});
/** Which route each takes: by name, and the protocols behind it. */
function found(rules: readonly RouteRule[], ...wanted: readonly string[]): number[] {
  const table = new RouteTable(rules);
  return wanted.map((each) => {
    const [name, ...alpn] = each.split(" ");
    return table.find(name === "-" ? null : name!, alpn);
  });
}

describe("the routes of a listener", () => {
  it("go by the exact name before the longest wildcard, and by that before any name", () => {
    const rules = [rule(""), rule("*.test"), rule("*.b.test"), rule("a.b.test c.test")];
    assert.deepEqual(
      found(rules, "a.b.test", "c.test", "x.b.test", "x.y.b.test", "b.test", "x.test", "test", "else", "-"),
      [3, 3, 2, 2, 1, 1, 0, 0, 0],
    );
  });

  it("leave nobody a way who fits none", () => {
    assert.deepEqual(found([rule("a.test"), rule("*.b.test")], "-", "b.test", "xb.test", "a.test.x"), [-1, -1, -1, -1]);
    assert.equal(new RouteTable([rule("a.test")]).findPlain(), -1);
  });

  it("of one name go by protocol first, and then without", () => {
    const rules = [rule("a.test"), rule("a.test", "acme-tls/1"), rule("a.test", "h2", "h3")];
    assert.deepEqual(found(rules, "a.test", "a.test acme-tls/1", "a.test x h3", "a.test x"), [0, 1, 2, 0]);
  });

  it("go by the order of the document, not by that of the client's protocols", () => {
    const rules = [rule("", "h2"), rule("", "h3"), rule("", "h2"), rule(""), rule("")];
    assert.deepEqual(found(rules, "- h3 h2", "x h2 h3", "x h3", "-"), [0, 0, 1, 3]);
  });

  it("pass over a name whose protocol is not offered, for a less exact one", () => {
    const rules = [rule("a.b.test", "h2"), rule("*.b.test", "h3"), rule("*.test", "h2"), rule("", "acme-tls/1")];
    assert.deepEqual(found(rules, "a.b.test h3", "x.b.test h2", "a.b.test acme-tls/1", "a.b.test"), [1, 2, 3, -1]);
  });

  it("lead what is no TLS to the first one that asks for nothing", () => {
    assert.equal(new RouteTable([rule("a.test"), rule("", "h2"), rule(""), rule("")]).findPlain(), 2);
  });

  it("are found as one would who tries all of them in turn", () => {
    const label = fc.constantFrom("a", "b");
    const name = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join("."));
    const pattern = fc.oneof(
      name,
      name.map((rest) => `*.${rest}`),
    );
    const alpn = fc.uniqueArray(fc.constantFrom("h2", "h3", "x"), { maxLength: 2 });
    const rules = fc.array(fc.record({ names: fc.uniqueArray(pattern, { maxLength: 2 }), alpn }), {
      minLength: 1,
      maxLength: 8,
    });
    fc.assert(
      fc.property(rules, fc.option(name), alpn, (all, wanted, offered) => {
        assert.equal(new RouteTable(all).find(wanted, offered), bestOf(all, wanted, offered));
      }),
      { numRuns: 1_000 },
    );
  });

  it("cost as much for 10,000 names as for one", () => {
    const names = Array.from({ length: 10_000 }, (_, n) => (n % 2 === 0 ? `n${n}.test` : `*.n${n}.test`));
    const perLookup = (rules: readonly RouteRule[]): number => {
      const table = new RouteTable(rules);
      let best = Number.POSITIVE_INFINITY;
      for (let round = 0; round < 7; round++) {
        const started = performance.now();
        for (let n = 0; n < 20_000; n++) table.find("x.y.n9999.test", ["h2"]);
        best = Math.min(best, performance.now() - started);
      }
      return best;
    };
    const one = perLookup([rule(names.slice(-1))]);
    const many = perLookup(names.map((name) => rule([name])));
    // A walk through all of them would take thousands of times as long.
    assert.ok(many < 50 * one + 50, `${many} ms for 20,000 among all, ${one} ms with one`);
  });
});

/** The rules as they are written down, without any table. Smaller is better: exactness, then protocol, then order. */
function bestOf(rules: readonly RouteRule[], wanted: string | null, offered: readonly string[]): number {
  const candidates = rules.flatMap(({ alpn, names }, route) => {
    if (alpn.length > 0 && !alpn.some((protocol) => offered.includes(protocol))) return [];
    const exactness = names.length === 0 ? [0] : names.filter((name) => fits(name, wanted)).map(exactnessOf);
    return exactness.map((exact) => ({ route, exact, hasProtocol: alpn.length > 0 }));
  });
  candidates.sort((a, b) => b.exact - a.exact || Number(b.hasProtocol) - Number(a.hasProtocol) || a.route - b.route);
  return candidates[0]?.route ?? -1;
}

const fits = (name: string, wanted: string | null): boolean =>
  wanted !== null && (name.startsWith("*.") ? wanted.endsWith(name.slice(1)) : wanted === name);
const exactnessOf = (name: string): number => (name.startsWith("*.") ? name.length : Number.POSITIVE_INFINITY);
