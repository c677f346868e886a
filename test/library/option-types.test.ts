/** The library's option types are written by hand, for their documentation; the option table says what there is. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { balancerOptions } from "../../src/config/balancer-options.ts";
import { reporterOptions } from "../../src/config/reporter-options.ts";
import { namesIn } from "../../src/config/resolve.ts";

const source = readFileSync(new URL("../../src/index.ts", import.meta.url), "utf8");

function properties(name: string): string[] {
  const body = new RegExp(`interface ${name}\\b[^{]*\\{(.*?)\\n\\}`, "s").exec(source)![1]!;
  return [...body.matchAll(/^ {2}(\w+)\?:/gm)].map((match) => match[1]!);
}

for (const [name, table] of [
  ["ServerOptions", balancerOptions],
  ["ClientOptions", reporterOptions],
] as const) {
  test(`${name} has every option of the library, and no other`, () => {
    const typed = [...properties(name), ...properties("KeyOptions")];
    const known = namesIn(table, "library", (each) => each).keys();
    assert.deepEqual(typed.toSorted(), [...known].toSorted());
  });
}
