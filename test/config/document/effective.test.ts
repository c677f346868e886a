/** The document in effect, as a file: who says what, and that it makes the same document again. */
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { difference } from "../../../src/config/document/difference.ts";
import { effectiveText } from "../../../src/config/document/effective.ts";
import { amount } from "../../support/amount.ts";
import fc from "../../support/draws.ts";
import { removeFolders } from "../../support/folder.ts";
import { documents, written } from "./documents.ts";
import { type Around, completed, settingsOf } from "./files.ts";

after(removeFolders);

function effective(text: string, around: Around = {}): string {
  const { document, problems, folder } = completed(text, around);
  assert.deepEqual(problems, []);
  return effectiveText(document).replaceAll(`${folder}/`, "").replace(/ +# /g, " # ");
}

describe("the document in effect", () => {
  const text = effective(
    'queue = 1\n[pool.web]\nlisten = [80, "unix:/run/x.sock mode=660"]\ntargets = ["10.0.0.5:80", { address = "a:80", backup = true }]\n' +
      '[pool."a.b"]\nlisten = 81\nunavailable = "say \\"no\\"\\u007f\\n"\n[listener.tls]\nlisten = 443\nroutes = [{ pool = "web" }]\n',
    { flags: { requeue: "5" }, environment: { HARMONY_IDLE_TIMEOUT: "5s", HARMONY_KEY: "a-secret-of-this-test" } },
  );
  const sections = text.split("\n\n");
  const lines = (title: string) => sections.find((each) => each.startsWith(title))?.split("\n") ?? [];

  test("says of each value whether it is the default, or which line, variable or flag gives it", () => {
    for (const line of [
      "queue = 1 # b.toml:1",
      "requeue = 5 # --requeue",
      'idle-timeout = "5s" # HARMONY_IDLE_TIMEOUT',
    ])
      for (const title of ["# Defaults of pools", "[pool.web]"])
        assert.ok(lines(title).includes(line), `${line} in\n${text}`);
    assert.ok(lines("# The process").includes('admin = ["1666"] # default'), text);
    assert.ok(
      lines("# The process").includes("# api: auto and 127.0.0.1:1667, where that port is free # default"),
      text,
    );
  });
  test("has pools and listeners with all that they have", () => {
    assert.ok(lines("[pool.web]").includes('listen = ["80", "unix:/run/x.sock mode=660"] # b.toml:3'), text);
    assert.ok(
      lines("[pool.web]").includes('targets = ["10.0.0.5:80", { address = "a:80", backup = true }] # b.toml:4'),
      text,
    );
    assert.ok(lines('[pool."a.b"]').includes('unavailable = "say \\"no\\"\\u007f\\n" # b.toml:7'), text);
    const [, listen, keepalive, ...more] = lines("[listener.tls]").filter((line) => line !== "");
    assert.deepEqual([listen, keepalive], ['listen = ["443"] # b.toml:9', 'keepalive = "1m" # default']);
    assert.ok(more.includes("accept-proxy = [] # default"), text);
    assert.equal(more.at(-1), 'routes = [{ pool = "web" }]');
  });
  test("shows no secret, but that there is one", () => {
    assert.ok(lines("# The process").includes("# key is hidden # HARMONY_KEY"), text);
    assert.ok(!text.includes("a-secret-of-this-test"));
  });
  test("makes the same document again", () => {
    fc.assert(
      fc.property(documents, (drawn) => {
        const { document, problems } = completed(written(drawn));
        assert.deepEqual(problems, [], written(drawn));
        const again = settingsOf(effectiveText(document));
        assert.deepEqual(difference(document.settings, again), []);
        assert.deepEqual({ ...again, config: null }, { ...document.settings, config: null });
      }),
      { numRuns: amount(100) },
    );
  });
});
