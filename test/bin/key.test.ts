/** `harmony-balancer key`: what it writes, where, and what it leaves alone. */
import assert from "node:assert/strict";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { parseKeyFile } from "../../src/control/keys/key.ts";
import { parseTokens } from "../../src/control/keys/token.ts";
import { removeFolders, temporaryFolder } from "../support/folder.ts";
import { endPrograms, start } from "../support/program.ts";

after(async () => {
  await endPrograms();
  removeFolders();
});

const KEY = "shared:a-key-of-these-tests";

class Home {
  readonly keyFile = join(temporaryFolder("key"), "key");

  async key(...args: string[]) {
    const program = start("harmony-balancer", ["key", ...args, "--key-file", this.keyFile]);
    const { code } = await program.ended();
    return { code, stdout: program.stdout, stderr: program.stderr };
  }

  get text(): string {
    return readFileSync(this.keyFile, "utf8");
  }
}

describe("harmony-balancer key", () => {
  it("makes a key with its limits, prints it alone, and takes it back", async () => {
    const home = new Home();
    writeFileSync(home.keyFile, `# ours\n${KEY}\n`, { mode: 0o600 });
    const { code, stdout, stderr } = await home.key("new", "web-1", "--pool", "web", "--port", "80");
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^web-1:[\w-]{43}\n$/);
    assert.ok(!stderr.includes(stdout.trim().split(":")[1]!), "the secret is printed once");
    assert.equal(home.text, `# ours\n${KEY}\n${stdout.trim()} pool=web port=80\n`);
    assert.equal((await home.key("new", "web-1")).code, 2);
    assert.equal((await home.key("revoke", "web-1")).code, 0);
    assert.equal(home.text, `# ours\n${KEY}\n`);
    assert.equal((await home.key("revoke", "web-1")).code, 3);
    assert.ok(!readFileSync(join(home.keyFile, "../revoked"), "utf8").includes(stdout.trim().split(":")[1]!));
    writeFileSync(home.keyFile, `# ours\n${KEY}\n${stdout}`, { mode: 0o600 });
    const { items } = JSON.parse((await home.key("list", "--json")).stdout);
    assert.deepEqual([items[0].revoked, items[1].name], [null, "web-1"]);
    assert.match(items[1].revoked.by, /@/, "it is known again where it is put back");
    assert.match((await home.key("list")).stdout, /web-1 +key +none/);
    writeFileSync(home.keyFile, `# ours\n${KEY}\n`, { mode: 0o600 });
    const last = await home.key("revoke", "shared");
    assert.equal(last.code, 2);
    assert.match(last.stderr, /the last one/);
  });

  it("makes a token, and a key file around it where there is none", async () => {
    const home = new Home();
    const { code, stdout, stderr } = await home.key("new", "deploy", "--right", "act", "--pool", "web");
    assert.equal(code, 0, stderr);
    assert.equal(parseKeyFile(home.text, "key").length, 1);
    const [token] = parseTokens(home.text, "key");
    assert.deepEqual([token!.name, token!.right, token!.pool, token!.secret], ["deploy", "act", "web", stdout.trim()]);
    if (process.platform !== "win32") assert.equal(statSync(home.keyFile).mode & 0o777, 0o600);
    assert.match((await home.key("new", "x", "--right", "read", "--nat")).stderr, /only keys have/);
  });

  it("exchanges the tokens that a balancer makes by itself", async () => {
    const home = new Home();
    const own = join(home.keyFile, "../token-act");
    const first = await home.key("new", "act");
    assert.equal(readFileSync(own, "utf8"), first.stdout);
    assert.equal((await home.key("new", "act")).code, 2);
    assert.equal((await home.key("revoke", "act")).code, 0);
    assert.ok(!existsSync(own));
    assert.notEqual((await home.key("new", "act")).stdout, first.stdout);
    assert.equal((await home.key("new", "read", "--pool", "web")).code, 2);
  });

  it("lists all of them, and no secret", async () => {
    const home = new Home();
    writeFileSync(home.keyFile, `${KEY} pool=web\n`, { mode: 0o600 });
    const secrets = [
      (await home.key("new", "grafana", "--right", "read")).stdout,
      (await home.key("new", "act")).stdout,
    ];
    const { stdout } = await home.key("list", "--json");
    const { items } = JSON.parse(stdout) as { items: { name: string; kind: string; right: string | null }[] };
    assert.deepEqual(
      items.map(({ name, kind, right }) => [name, kind, right]),
      [
        ["shared", "key", null],
        ["grafana", "token", "read"],
        ["act", "token", "act"],
      ],
    );
    const table = (await home.key("list")).stdout;
    assert.match(table, /^NAME .*\nshared +key +register +pool=web/);
    for (const secret of [...secrets, "a-key-of-these-tests"]) assert.ok(!(table + stdout).includes(secret.trim()));
  });

  it("says what is wrong with its words", async () => {
    const home = new Home();
    for (const [args, why] of [
      [[], /ACTION is missing/],
      [["make"], /none of new, list, revoke/],
      [["new"], /NAME is missing/],
      [["list", "a"], /takes no name/],
      [["new", "a/b"], /is no name/],
      [["new", "socket", "--right", "read"], /is taken/],
    ] as const) {
      const { code, stderr } = await home.key(...args);
      assert.equal(code, 2, stderr);
      assert.match(stderr, why);
    }
    assert.ok(!existsSync(home.keyFile));
  });
});
