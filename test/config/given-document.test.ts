/** A document that is given as a text, in place of what the program's file says. */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { loadBalancer } from "../../src/config/load.ts";
import { OptionError } from "../../src/config/values.ts";
import { removeFolders, temporaryFolder } from "../support/folder.ts";

after(removeFolders);

const program = { name: "harmony-test", usage: "[options]", summary: "Summary.", footer: "Footer." };

function parserOf(argv: readonly string[]) {
  const command = loadBalancer({ argv, environment: {}, program });
  assert.ok(command.action === "run");
  return command.parse;
}

describe("a document that is given", () => {
  it("counts in place of the file, under flags, and includes what lies beside that", () => {
    const folder = temporaryFolder("given");
    mkdirSync(join(folder, "conf.d"));
    writeFileSync(join(folder, "harmony.toml"), "queue = 1\n[pool.old]\nlisten = [1]\n");
    writeFileSync(join(folder, "conf.d/db.toml"), "[pool.db]\nlisten = [5432]\n");
    const parse = parserOf(["--config", join(folder, "harmony.toml"), "--queue-timeout", "7s"]);
    const { pools, config } = parse('include = "conf.d/*.toml"\nqueue = 5\n[pool.web]\nlisten = [80]\n');
    assert.deepEqual([...pools.keys()].sort(), ["db", "web"]);
    assert.deepEqual([pools.get("web")!.queue, pools.get("web")!.queueTimeout], [5, 7000]);
    assert.equal(config, join(folder, "harmony.toml"));
  });

  it("is taken by a balancer without a file as well", () => {
    assert.deepEqual([...parserOf([])("[pool.web]\nlisten = [80]\n").pools.keys()], ["web"]);
  });

  it("has its faults told by their places in it", () => {
    const parse = parserOf([]);
    const said = (toml: string) => {
      try {
        parse(toml);
      } catch (error) {
        assert.ok(error instanceof OptionError);
        return error.message;
      }
      return "";
    };
    assert.match(said("queue = \n"), /^the given document:1:\d+: this is not TOML/);
    assert.match(said("\nquee = 1\n"), /^the given document:2:1: .*quee/);
    // Whoever may act on the balancer would read with its eyes, and have its clients told.
    assert.match(
      said('check = "exec:rm -r /"\n[pool.a]\nlisten = [80]\n'),
      /^the given document:1:\d+: check: .* runs no program/,
    );
    assert.match(
      said('targets = ["a:1 check=\\"exec:rm -r /\\""]\n'),
      /^the given document:1:\d+: targets: .* runs no program/,
    );
    assert.match(said('unavailable = "@/etc/hostname"\n'), /^the given document:1:\d+: unavailable: .* names no file/);
  });
});
