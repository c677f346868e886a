/** `harmony-balancer check`: what it says of a file, and how it ends. */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { removeFolders, temporaryFolder } from "../support/folder.ts";
import { endPrograms, type Program, start } from "../support/program.ts";

after(async () => {
  await endPrograms();
  removeFolders();
});

const cwd = temporaryFolder("check");
mkdirSync(join(cwd, "conf.d"));
for (const [name, text] of Object.entries({
  "good.toml": 'include = ["conf.d/*.toml"]\nqueue = 5\n[pool.web]\nlisten = 80\n',
  "conf.d/db.toml": '[pool.db]\nlisten = 5432\ntargets = ["10.0.0.5:5432"]\n',
  "bad.toml": "queu = 5\n[pool.web]\nlisten = 80\n[pool.db]\nlisten = 80\nqueue = true\n",
}))
  writeFileSync(join(cwd, name), text);

async function check(
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<Program & { code: number | null }> {
  const program = start("harmony-balancer", ["check", ...args], { cwd, env });
  const { code } = await program.ended();
  return Object.assign(program, { code });
}

describe("harmony-balancer check", () => {
  test("exits with 0 where there is no fault, and says what it has found", async () => {
    const { code, stdout, stderr } = await check(["good.toml"]);
    assert.deepEqual([code, stdout, stderr], [0, "no fault: 2 pools, 2 listeners, 1 target named\n", ""]);
  });
  test("exits with 2 where there are some, each on a line of its own", async () => {
    const { code, stdout, stderr } = await check(["bad.toml"]);
    assert.deepEqual([code, stdout], [2, ""]);
    assert.deepEqual(stderr.split("\n"), [
      "bad.toml:1:1: queu: there is no such option here; did you mean queue?",
      'bad.toml:6:9: queue "true": give a whole number from 0 to 16777215',
      "bad.toml:5:10: listener db and listener web want the same port (80 and 80): give two different ones; the other is given at bad.toml:3:10",
      "",
    ]);
  });
  test("prints the document in effect, as TOML that it takes itself", async () => {
    const { code, stdout } = await check(["good.toml", "--effective", "--requeue", "7"], {
      HARMONY_IDLE_TIMEOUT: "5s",
    });
    assert.equal(code, 0);
    assert.match(stdout, /^\[pool\.db\]\nlisten = \["5432"\] +# conf\.d\/db\.toml:2$/m);
    assert.match(stdout, /^requeue = 7 +# --requeue$/m);
    assert.match(stdout, /^idle-timeout = "5s" +# HARMONY_IDLE_TIMEOUT$/m);
    writeFileSync(join(cwd, "again.toml"), stdout);
    assert.equal((await check(["again.toml"])).code, 0);
  });
  test("leaves the names of inherited sockets to the process that has them", async () => {
    writeFileSync(join(cwd, "inherited.toml"), '[pool.web]\nlisten = ["fd:web", "fd:4"]\n');
    const { code, stdout } = await check(["inherited.toml"]);
    assert.deepEqual([code, stdout], [0, "no fault: 1 pool, 1 listener\n"]);
    const { stdout: effective } = await check(["inherited.toml", "--effective"]);
    assert.match(effective, /^listen = \["fd:web", "fd:4"\] +# inherited\.toml:2$/m);
  });
  test("takes the file from where the balancer does, and its flags with it", async () => {
    assert.equal((await check([], { HARMONY_CONFIG: "bad.toml" })).code, 2);
    const { code, stderr } = await check(["--config", "good.toml", "--queue", "many"]);
    assert.equal(code, 2);
    assert.match(stderr, /^--queue "many": give a whole number/);
    assert.match(
      (await check(["missing.toml"])).stderr,
      new RegExp(`^config: the file cannot be read: .*${join(cwd, "missing.toml")}`),
    );
  });
});
