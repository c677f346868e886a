/** The project's own tools notice what they are there to notice. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { after, describe, it } from "node:test";
import { pathToFileURL } from "node:url";
import { loader, NEWEST_NODE, node, OLDEST_NODE, root, testFiles } from "../../scripts/runtimes.ts";
import { commands, forms } from "../../scripts/test/forms.ts";
import { readJunit } from "../../scripts/test/junit.ts";
import { run } from "../../scripts/test/process.ts";
import { RULES, runsIn } from "../../scripts/test/rules.ts";
import { printSummary } from "../../scripts/test/summary.ts";
import { removeFolders, temporaryFolder } from "../support/folder.ts";
import { PATIENCE_MS } from "../support/wait.ts";

const place = temporaryFolder("checks");
after(removeFolders);

describe("import directions", () => {
  const offences: Record<string, [file: string, text: string, complaint: RegExp]> = {
    "an import upward": ["util/a.ts", 'import { b } from "../net/b.ts";', /util may not import net/],
    "a type upward": ["util/a.ts", 'import type { B } from "../net/b.ts";', /util may not import net/],
    "an export upward": ["net/b.ts", 'export * from "../pool/c.ts";', /net may not import pool/],
    "an import() upward": ["net/b.ts", 'const c = await import("../pool/c.ts");', /net may not import pool/],
    "a neighbour": [
      "control/server/s.ts",
      'import { d } from "../client/d.ts";',
      /control.server may not import control.client/,
    ],
    "a value where types are allowed": ["pool/c.ts", 'import { b } from "../net/b.ts";', /only types/],
    "the chosen adapter in the pool": ["pool/c.ts", 'import { runtime } from "#runtime";', /is handed its runtime/],
    "a package": ["pool/c.ts", 'import { z } from "zod";', /does not use this package/],
    "a bare built-in": ["util/a.ts", 'import { readFileSync } from "fs";', /node:fs/],
    "Bun's own module": ["net/node.ts", 'import { dlopen } from "bun:ffi";', /bun\.ts/],
    "another ending": ["util/a.ts", 'import { b } from "./b.js";', /ends with \.ts/],
    "a multi-line import": ["util/a.ts", 'import {\n  b,\n  type C,\n} from "../net/b.ts";', /util may not import net/],
    "a worker": ["util/a.ts", 'new Worker(new URL("../proxy/e.ts", import.meta.url));', /util may not import proxy/],
  };
  const others = {
    "util/a.ts": "",
    "net/b.ts": "",
    "pool/c.ts": "",
    "control/server/s.ts": "",
    "control/client/d.ts": "",
    "proxy/e.ts": "",
  };

  function check(files: Record<string, string>): { status: number | null; stderr: string } {
    const src = mkdtempSync(join(place, "src-"));
    for (const [file, text] of Object.entries(files)) {
      mkdirSync(dirname(join(src, file)), { recursive: true });
      writeFileSync(join(src, file), text);
    }
    return spawnSync(node, ["--import", loader, "scripts/check-imports.ts", src], { cwd: root, encoding: "utf8" });
  }

  for (const [name, [file, text, complaint]] of Object.entries(offences)) {
    it(`names ${name} with its line`, () => {
      const { status, stderr } = check({ ...others, [file]: `// first line\n${text}\n` });
      assert.equal(status, 1);
      assert.match(stderr, complaint);
      assert.ok(stderr.includes(`${file}:2:`), stderr);
    });
  }

  it("names the files of a circle, through types too", () => {
    const { status, stderr } = check({
      ...others,
      "pool/c.ts": 'import { d } from "./d.ts";',
      "pool/d.ts": 'import { e } from "./e.ts";',
      "pool/e.ts": 'import type { C } from "./c.ts";',
    });
    assert.equal(status, 1);
    assert.match(stderr, /circle of imports: pool\/c\.ts, pool\/d\.ts, pool\/e\.ts/);
  });

  it("lets downward imports and types pass", () => {
    const text =
      'import { a } from "../util/a.ts";\nimport type { B } from "../net/b.ts";\nimport { c, type D } from "./d.ts";\n';
    const { status, stderr } = check({ ...others, "pool/c.ts": text, "pool/d.ts": "" });
    assert.deepEqual([status, stderr], [0, ""]);
  });
});

describe("the test runner", () => {
  it("ends and tells a command that hangs, and what it started", async () => {
    const finished = await run([node, "-e", "setInterval(() => {}, 1000)"], { timeout: 500 });
    assert.equal(finished.timedOut, true);
  });

  it("names a test file that hangs, with what it said until then and the test that ran", async () => {
    const notes = pathToFileURL(join(root, "scripts/test/notes.ts")).href;
    const hang = `
      const { note } = await import("${notes}");
      for (const what of [{ begun: "quick" }, { ended: "quick" }, { begun: "endless" }]) note(what);
      console.log("as far as this");
      setInterval(() => {}, 1000);`;
    const line = [node, "--import", loader, "--input-type=module", "-e", hang];
    const code = `
      const { runBatch } = await import("./scripts/test/file.ts");
      const form = { name: "node", prepare: () => ({ missing: "" }) };
      const batch = { name: "test/x.test.ts", files: ["test/x.test.ts"] };
      await runBatch(form, () => ${JSON.stringify(line)}, batch, 0);`;
    const command = [node, "--import", loader, "--input-type=module", "-e", code];
    const { output } = await run(command, { timeout: 20_000, env: { ...process.env, FILE_TIMEOUT: "5" } });
    assert.match(output, /node test\/x\.test\.ts said:\nas far as this\n/);
    assert.match(output, /✖ node test\/x\.test\.ts: 0 passed, 1 FAILED/);
    assert.match(output, /did not end within 5 s: 1 test had ended, and running was "endless"/);
  });

  it("says last what failed, before the totals", () => {
    const printed: string[] = [];
    const { log } = console;
    console.log = (text: string) => void printed.push(text);
    try {
      const results = [{ name: "a > b", outcome: "failed" as const, reason: "" }];
      assert.equal(printSummary([{ form: "deno", file: "test/x.test.ts", seconds: 1, results }]), false);
    } finally {
      console.log = log;
    }
    assert.deepEqual(printed.slice(-2), ["\nFailed:\n  deno test/x.test.ts: a > b", "\n0 passed, 1 failed, 0 skipped"]);
  });

  it("has no rule for files that are not there", () => {
    const files = testFiles();
    for (const beginning of RULES.flatMap((rule) => rule.files)) {
      assert.ok(
        files.some((file) => file.startsWith(beginning)),
        `scripts/test/rules.ts names ${beginning}`,
      );
    }
  });

  it("runs a file of which nothing is said in every form, in the black-box tests also compiled", () => {
    const formsOf = (file: string, node = NEWEST_NODE) =>
      forms.map(({ name }) => name).filter((name) => name !== "unit" && runsIn(file, name, node));
    const compiled = forms.filter(({ built }) => built).map(({ name }) => name);
    assert.deepEqual(formsOf("test/new-room/x.test.ts"), ["node", "bun", "deno", "node-oldest", "node-newest"]);
    assert.deepEqual(formsOf("test/new-room/x.test.ts", OLDEST_NODE), ["node", "bun", "deno", "node-newest"]);
    assert.deepEqual(formsOf("test/blackbox/x.test.ts"), ["node", "deno", ...compiled]);
    assert.equal(formsOf("test/blackbox/load.test.ts").length, forms.length - 1, "all but the one for an engine");
  });

  for (const [runtime, command] of Object.entries(commands)) {
    it(`fails a test that hangs with what it waited for, and runs the others: ${runtime}`, async () => {
      const folder = temporaryFolder("hang");
      const file = join(folder, "hang.test.ts");
      const wait = pathToFileURL(join(root, "test/support/wait.ts")).href;
      const report = join(folder, "report.xml");
      writeFileSync(
        file,
        `import { createServer } from "node:net";
        import { it } from "node:test";
        import { within } from "${wait}";
        it("hangs", async () => {
          createServer().listen(0); // it keeps the process alive
          await within("a bus", new Promise(() => undefined));
        });
        it("goes on", () => undefined);`,
      );
      const env = { ...process.env, HARMONY_TEST_LIMIT: "0.3" };
      const finished = await run(command(relative(root, file), report), { env, timeout: PATIENCE_MS });
      assert.equal(finished.timedOut, false, finished.output);
      assert.match(finished.output, /the test did not end within 0\.3 s: it waits for a bus/);
      const outcomes = readJunit(readFileSync(report, "utf8")).map(({ name, outcome }) => [name, outcome]);
      assert.deepEqual(outcomes, [
        ["hangs", "failed"],
        ["goes on", "passed"],
      ]);
    });
  }

  it("says what a test waited for that nothing can end any more", async () => {
    const folder = temporaryFolder("hang");
    const file = join(folder, "hang.test.ts");
    writeFileSync(file, 'import { it } from "node:test"; it("hangs", () => new Promise(() => undefined));');
    const command = commands.node(relative(root, file), join(folder, "report.xml"));
    const { output } = await run(command, { timeout: PATIENCE_MS });
    assert.match(output, /a test will never end: it waits for something that is in no within\(\) or until\(\)/);
  });

  it("notices processes that a command leaves behind, and ends them", {
    skip: process.platform === "win32" && "Windows has no process groups",
  }, async () => {
    const leave = `require("node:child_process").spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { stdio: "ignore" });
        process.exit(0)`;
    const finished = await run([node, "-e", leave], { timeout: 20_000 });
    assert.deepEqual([finished.code, finished.timedOut, finished.leftovers], [0, false, true]);
  });

  it("keeps the output and the exit code", async () => {
    const finished = await run([node, "-e", 'console.log("out"); console.error("err"); process.exitCode = 3'], {
      timeout: 20_000,
    });
    assert.equal(finished.code, 3);
    assert.deepEqual(finished.output.trim().split("\n").sort(), ["err", "out"]);
    assert.equal(finished.leftovers, false);
  });

  const expected = [
    ["outer > fails", "failed", ""],
    ["outer > inner > passes", "passed", ""],
    ["outer > skips", "skipped", "why & how"],
  ];
  const reports: Record<string, string> = {
    node: `<testsuites><testsuite name="outer" tests="3">
      <testcase name="fails" classname="test" failure="1 > 2"><failure type="x" message="y">a &lt; b</failure></testcase>
      <testsuite name="inner"><testcase name="passes" time="0.1" classname="test"/></testsuite>
      <testcase name="skips"><skipped type="skipped" message="why &amp; how"/></testcase></testsuite></testsuites>`,
    bun: `<testsuites><testsuite name="a/b.test.ts"><testsuite name="outer">
      <testcase name="fails" classname="outer"><failure type="E" message="1 &gt; 2"/></testcase>
      <testsuite name="inner"><testcase name="passes" classname="inner &gt; outer" /></testsuite>
      <testcase name="skips"><skipped message="why &amp; how" /></testcase></testsuite></testsuite></testsuites>`,
    deno: `<testsuites><testsuite name="./a/b.test.ts" tests="1"><testcase name="outer"><failure message="1 step failed">x</failure></testcase></testsuite>
      <testsuite name="ext:deno_node/testing.ts"><testcase name="outer &gt; fails"><failure message="x">y</failure></testcase>
      <testcase name="outer &gt; inner"></testcase><testcase name="outer &gt; inner &gt; passes"></testcase>
      <testcase name="outer &gt; skips"><skipped message="why &amp; how"/></testcase></testsuite></testsuites>`,
  };
  for (const [runtime, xml] of Object.entries(reports)) {
    it(`counts the leaves of ${runtime}'s report once each`, () => {
      const read = readJunit(xml.replace('name="ext:deno_node/testing.ts"', 'name="ext.ts"'));
      assert.deepEqual(read.map(({ name, outcome, reason }) => [name, outcome, reason]).sort(), expected);
    });
  }

  it("counts a test that failed though none of its parts did", () => {
    const xml = '<testcase name="a"><failure/></testcase><testcase name="a &gt; b"></testcase>';
    assert.deepEqual(
      readJunit(xml).map(({ name, outcome }) => [name, outcome]),
      [
        ["a", "failed"],
        ["a > b", "passed"],
      ],
    );
  });
});
