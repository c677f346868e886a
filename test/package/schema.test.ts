/** The schemas of the programs' files: what the programs take is valid, and what editors should warn of is not. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { parse } from "smol-toml";
import { root } from "../../scripts/runtimes.ts";
import { documents, written } from "../config/document/documents.ts";
import { amount } from "../support/amount.ts";
import fc from "../support/draws.ts";
import { violations } from "../support/json-schema.ts";

function schema(name: string): Record<string, unknown> {
  return JSON.parse(readFileSync(join(root, "docs", name), "utf8")) as Record<string, unknown>;
}
const balancer = schema("harmony.schema.json");
const reporter = schema("harmony-reporter.schema.json");

/** What stands in a reporter's file and never in a balancer's. */
const REPORTERS = ["host", "port", "target"];

function faultsOf(toml: string): string[] {
  const document = parse(toml);
  return violations(REPORTERS.some((name) => name in document) ? reporter : balancer, document);
}

/** Every TOML file of the repository, and every TOML block of its documents, by its place. Those called faulty are to be. */
function* examples(): Generator<[place: string, toml: string, isFaulty: boolean]> {
  const listed = spawnSync("git", ["ls-files", "--cached", "--others", "--exclude-standard", "*.md", "*.toml"], {
    cwd: root,
    encoding: "utf8",
  });
  for (const file of listed.stdout.split("\n")) {
    if (file === "" || file === "bunfig.toml" || !existsSync(join(root, file))) continue;
    const text = readFileSync(join(root, file), "utf8");
    if (file.endsWith(".toml")) yield [file, text, false];
    else {
      for (const { 1: faulty, 2: block, index } of text.matchAll(
        /^(?:<!-- file: (faulty)?.* -->\n)?```toml\n([\s\S]*?)^```$/gm,
      )) {
        yield [`${file}:${text.slice(0, index).split("\n").length}`, block!, faulty !== undefined];
      }
    }
  }
}

describe("the schemas of the programs' files", () => {
  const all = [...examples()];
  test("have examples to hold them against", () => assert.ok(all.length > 5, all.map(([place]) => place).join()));
  for (const [place, toml, isFaulty] of all) {
    test(`${isFaulty ? "do not take" : "take"} ${place}`, () => {
      if (isFaulty) assert.notDeepEqual(faultsOf(toml), []);
      else assert.deepEqual(faultsOf(toml), []);
    });
  }

  test("take any document that the balancer takes", () => {
    fc.assert(
      fc.property(documents, (drawn) => assert.deepEqual(violations(balancer, parse(written(drawn))), [])),
      { numRuns: amount(100) },
    );
  });
  test("take a reporter of several targets", () => {
    const toml =
      'host = "a"\nbalance = 5\n[[target]]\nport = 80\npool = "web"\n[[target]]\nport = 5432\nlisten = 5432\n';
    assert.deepEqual(faultsOf(toml), []);
    assert.match(faultsOf(`${toml}host = "b"\n`).join("\n"), /target\[1]: host is not known/);
  });
  test("know what is wrong", () => {
    for (const [toml, expected] of [
      ["queu = 1", /queu is not known/],
      ["queue = -1", /\$\.queue: below 0/],
      ['queue-timeout = "5"', /\$\.queue-timeout/],
      ['algorithm = "rr"', /\$\.algorithm: none of leastconn/],
      ["[pool.web]\nadmin = 1", /\$\.pool\.web: admin is not known/],
      ['[pool."a b"]\nlisten = 1', /\$\.pool\.a b: does not match/],
      ["targets = [{ weight = 1 }]", /address is missing/],
      ["[listener.a]\nlisten = 1", /\$\.listener\.a: routes is missing/],
      ["[listener.a]\nlisten = 1\nroutes = []", /\$\.listener\.a\.routes/],
      ['[listener.a]\nlisten = 1\nroutes = [{ name = "a.b" }]', /pool is missing/],
      ['[listener.a]\nlisten = 1\nroutes = [{ pool = "a", tls = "on" }]', /none of pass, terminate/],
      ['host = "a"\nqueue = 1', /queue is not known/],
    ] as const)
      assert.match(faultsOf(toml).join("\n"), expected, toml);
  });
});
