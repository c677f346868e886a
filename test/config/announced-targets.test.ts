/** A reporter's targets, as its file and its flags describe them. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { type Invocation, loadReporter } from "../../src/config/load.ts";
import { OptionError } from "../../src/config/values.ts";
import { removeFolders, temporaryFolder } from "../support/folder.ts";

after(removeFolders);

const program = { name: "harmony-reporter", usage: "", summary: "", footer: "" };

function targetsOf(text: string, argv: readonly string[] = [], environment: Invocation["environment"] = {}) {
  const config = join(temporaryFolder("targets"), "reporter.toml");
  writeFileSync(config, text);
  const command = loadReporter({ argv: ["--config", config, ...argv], environment, program });
  assert.equal(command.action, "run");
  return command.settings.targets;
}

function problems(text: string, argv: readonly string[] = []): readonly string[] {
  try {
    targetsOf(text, argv);
  } catch (error) {
    assert.ok(error instanceof OptionError, String(error));
    return error.problems.map((problem) => problem.replace(/^.*reporter\.toml:/, ""));
  }
  return assert.fail("no problem was found");
}

const TWO = `
host = ["10.0.0.1"]
balance = 7

[[target]]
port = 8080

[[target]]
port = 5432
pool = "db"
listen = 5000
pool-options = ["algorithm=random", "persistent=off"]
balance = 8
`;

describe("the targets of a reporter", () => {
  test("are one that flags describe, with the options of its pool", () => {
    const [target, ...others] = targetsOf("", [
      "--port=5432",
      "--pool=db",
      "--listen=5000",
      "--pool-options=algorithm=random",
      "--pool-options=persistent=off,queue=5",
    ]);
    assert.equal(others.length, 0);
    assert.equal(target!.listen, 5000);
    assert.deepEqual(target!.poolOptions, { algorithm: "random", persistent: "off", queue: "5" });
  });

  test("are those of the file's tables, for which all that is said outside of them is the default", () => {
    const said = (argv: readonly string[], environment = {}) =>
      targetsOf(TWO, argv, environment).map(({ pool, port, balance, listen }) => [pool, port, balance, listen]);
    assert.deepEqual(said([]), [
      ["default", 8080, 7, null],
      ["db", 5432, 8, 5000],
    ]);
    assert.deepEqual(said(["--balance=9", "--port=1"], { HARMONY_POOL: "web" }), [
      ["web", 8080, 9, null],
      ["db", 5432, 8, 5000],
    ]);
    assert.deepEqual(targetsOf(TWO)[1]!.poolOptions, { algorithm: "random", persistent: "off" });
  });

  test("have an agent port each, which one outside of their tables cannot be", () => {
    const [problem, ...others] = problems(TWO, ["--agent-port=9999"]);
    assert.deepEqual(others, []);
    assert.match(problem!, /^agent-port .*:9999 is for two targets: give each its own$/);
    const own = TWO.replace("port = 8080", "port = 8080\nagent-port = 9998").replace(
      "port = 5432",
      "port = 5432\nagent-port = 9999",
    );
    assert.deepEqual(
      targetsOf(own).map(({ agentPort }) => agentPort.map(({ port }) => port)),
      [[9998], [9999]],
    );
  });

  test("are not asked to open the port that the environment gives the balancer", () => {
    assert.equal(targetsOf("", [], { HARMONY_LISTEN: "0.0.0.0:3000" })[0]!.listen, null);
  });

  for (const [text, ...expected] of [
    ["target = 7", "1:1: target: give a table for each, headed [[target]]"],
    ["[target]\nport = 7", "1:2: target: give a table for each, headed [[target]]"],
    ["[[target]]\nport = 7\n\n[[target]]\nprot = 8", "5:1: prot: there is no such option here; did you mean port?"],
    [
      '[[target]]\nport = 7\nhost = "a"',
      "3:1: host is no option of a section: give it above the first one, where the file begins",
    ],
    ["[[target]]\nport = 0", '2:8: port "0": give a whole number from 1 to 65535'],
    [
      '[[target]]\nlisten = 5000\npool-options = ["algorithm=fastest"]',
      '3:16: pool-options: algorithm "fastest": give one of leastconn, roundrobin, random, hash, latency',
    ],
    [
      '[[target]]\nport = 7\n[[target]]\nport = 8\npool-options = ["algorithm=hash"]',
      "5:16: pool-options: they are for a pool that is made with listen: give that as well",
    ],
    ["[[targets]]\nport = 7", "1:3: targets: there is no such option here; did you mean target?"],
    ["[[target]]\n[[target]]", "targets 1 and 2 are the same one: give them different ports, pools or ids"],
  ] as const) {
    test(`are wrong as ${JSON.stringify(text)}, each fault with its place`, () => {
      assert.deepEqual(problems(text), expected);
    });
  }

  test("are one for a command that the reporter runs", () => {
    assert.deepEqual(problems(TWO, ["--", "server"]), ['"--": a command serves one target: describe one']);
  });
});
