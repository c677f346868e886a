/** The commands that work on the balancer's files, without a balancer. */
import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { removeFolders, temporaryFolder } from "../support/folder.ts";
import { installed } from "../support/installed.ts";
import { endPrograms, type Program, type StartOptions, start } from "../support/program.ts";

after(async () => {
  await endPrograms();
  removeFolders();
});

const posix = process.platform === "win32" ? { skip: "no file modes on Windows" } : {};
const KEY = "BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBA";

/** A user with nothing yet; `folder` is where the files will be. */
function newUser(): { folder: string; env: Record<string, string> } {
  const home = temporaryFolder("invite");
  return { folder: join(home, "harmony"), env: { XDG_CONFIG_HOME: home, APPDATA: home } };
}

async function run(args: readonly string[], options: StartOptions): Promise<Program & { code: number | null }> {
  const program = start("harmony-balancer", args, options);
  const { code } = await program.ended();
  return Object.assign(program, { code });
}

describe("harmony-balancer invite", () => {
  test("prints the code alone, says what it is good for, and keeps all files to its user", {
    skip: installed,
  }, async () => {
    const { folder, env } = newUser();
    const args = ["invite", "web", "--pool", "web", "--port", "8080", "--port", "8090", "--nat", "--for", "2h"];
    const { code, stdout, stderr } = await run(args, { env });
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^hi1-[A-Za-z0-9_-]{75}\n$/);
    assert.match(
      stderr,
      /lets one reporter, web, join within 2h and register targets with pool=web port=8080,8090 nat/,
    );
    assert.match(stderr, /identity is new\. A balancer that runs as another user, .* does not look there\./);
    assert.ok(!stderr.includes(stdout.trim()));
    assert.match(
      readFileSync(join(folder, "invitations"), "utf8"),
      /^\S{8} \S{22} web uses=1 until=\S+Z pool=web port=8080,8090 nat$/m,
    );
    assert.ok(!existsSync(join(folder, "key")), "no shared key is made for it");
    if (process.platform === "win32") return;
    for (const name of ["identity", "invitations"]) assert.equal(statSync(join(folder, name)).mode & 0o777, 0o600);
    assert.equal(statSync(folder).mode & 0o777, 0o700);
  });

  test("makes one identity for all, and follows the key file's mode and place", posix, async () => {
    const folder = temporaryFolder("invite");
    const keyFile = join(folder, "ours");
    writeFileSync(keyFile, "shared:0123456789abcdef\n");
    chmodSync(keyFile, 0o640);
    const first = await run(["invite", "web", "--key-file", keyFile], {});
    const identity = readFileSync(join(folder, "identity"), "utf8");
    const second = await run(["invite", "db"], { env: { HARMONY_KEY_FILE: keyFile } });
    assert.deepEqual([first.code, second.code], [0, 0], first.stderr + second.stderr);
    assert.equal(readFileSync(join(folder, "identity"), "utf8"), identity);
    assert.ok(!second.stderr.includes("is new"));
    assert.equal(statSync(join(folder, "invitations")).mode & 0o777, 0o640);
    const taken = await run(["invite", "shared", "--key-file", keyFile], {});
    assert.equal(taken.code, 2);
    assert.match(
      taken.stderr,
      /the name "shared" is taken, by a reporter in .*reporters or a shared key: invite it by another/,
    );
  });

  test("takes what it has in common with the balancer from the balancer's file", async () => {
    const folder = temporaryFolder("invite");
    const config = join(folder, "balancer.toml");
    writeFileSync(config, `listen = "3000"\nreporters = ${JSON.stringify(join(folder, "ours"))}\n`);
    const { code, stderr } = await run(["invite", "web", "--config", config], {});
    assert.equal(code, 0, stderr);
    assert.ok(existsSync(join(folder, "invitations")));
  });

  test("names everything that is wrong, and makes nothing", async () => {
    const { folder, env } = newUser();
    for (const [args, ...problems] of [
      [["invite"], /NAME is missing: give what the reporter is to be called/],
      [["invite", "a/b"], /"a\/b" is no name: give 1 to 64 letters/],
      [["invite", "web", "db"], /"db": one word too many for NAME \[options\]/],
      [
        ["invite", "web", "--usse", "3", "--port", "nine", "--uses", "0"],
        /--usse: there is no such flag; did you mean --uses/,
        /--port "nine": give something like --port 80,8000-8099/,
        /--uses "0": give a whole number from 1 to 1000/,
      ],
      [["invit", "web"], /"invit": a word on its own means nothing here; did you mean invite\?/],
      [["--queue", "3", "invite"], /"invite": a command has to be the first word/],
      [["invite", "web", "--", "x"], /"--": this command starts no server/],
    ] as const) {
      const { code, stdout, stderr } = await run(args, { env });
      assert.equal(code, 2, stderr);
      assert.equal(stdout, "");
      for (const problem of problems) assert.match(stderr, problem);
      assert.match(stderr, /(See harmony-balancer.*--help|is no name)/);
    }
    assert.ok(!existsSync(folder));
  });

  test("says what to do where the folder is missing, and leaves files alone that it cannot read", async () => {
    const missing = await run(["invite", "web", "--reporters", join(temporaryFolder("invite"), "no", "reporters")], {});
    assert.equal(missing.code, 1);
    assert.match(missing.stderr, /there is no folder .*: name a file in another one with --reporters/);
    const { folder, env } = newUser();
    mkdirSync(folder, { mode: 0o700 });
    for (const [name, problem] of [
      ["reporters", /reporters:1: after the name "web" its public key has to follow/],
      ["invitations", /invitations:1: a line is ID SECRET NAME/],
      ["identity", /identity:1: only private KEY/],
    ] as const) {
      writeFileSync(join(folder, name), "web\n", { mode: 0o600 });
      const { code, stderr } = await run(["invite", "db"], { env });
      assert.equal(code, 2);
      assert.match(stderr, problem);
      assert.equal(readFileSync(join(folder, name), "utf8"), "web\n");
      writeFileSync(join(folder, name), name === "identity" ? `private ${KEY}\n` : "", { mode: 0o600 });
    }
  });

  test("shows its own help, and the program's help names it", async () => {
    const own = await run(["invite", "--help"], {});
    assert.equal(own.code, 0);
    for (const text of [
      "Usage: harmony-balancer invite NAME",
      "--uses N",
      "--max-weight 1000\n      No larger weight. (default: any)",
      "(default: 16)",
      "Exit codes: 0 it is made",
    ]) {
      assert.ok(own.stdout.includes(text), text);
    }
    const { stdout } = await run(["--help"], {});
    assert.match(stdout, /Commands \(see harmony-balancer COMMAND --help\):\n(?: {2}.*\n)* {2}invite NAME/);
  });
});

describe("harmony-balancer reporters", () => {
  test("lists who has joined, with what was last seen of them, and the open invitations without their secrets", {
    skip: installed,
  }, async () => {
    const { folder, env } = newUser();
    const none = await run(["reporters"], { env });
    assert.equal(none.code, 0, none.stderr);
    assert.match(none.stdout, /^Nobody has joined yet: there is no reporter in .*harmony.reporters\.\n$/);
    assert.ok(!existsSync(folder), "looking makes nothing");
    const invited = await run(["invite", "web", "--uses", "3", "--port", "80", "--nat"], { env });
    writeFileSync(join(folder, "reporters"), `web-1 ${KEY} port=8080\ndb ${KEY.replaceAll("B", "C")}\n`, {
      mode: 0o600,
    });
    const seen = { "web-1": { at: Date.now() - 65_000, address: "10.0.0.5", targets: ["default/10.0.0.5:8080"] } };
    writeFileSync(join(folder, "seen"), JSON.stringify(seen), { mode: 0o600 });
    const text = await run(["reporters"], { env });
    assert.equal(text.code, 0, text.stderr);
    assert.match(text.stdout, /^NAME +FINGERPRINT +LAST SEEN +ADDRESS +TARGETS +LIMITS\n/);
    assert.match(text.stdout, /^web-1 +\S{16} +1 min ago +10\.0\.0\.5 +default\/10\.0\.0\.5:8080 +port=8080$/m);
    assert.match(text.stdout, /^db +\S{16} +never +- +- +-$/m);
    assert.match(text.stdout, /^Open invitation \S{8} for web: 3 left, until \S+Z, port=80, nat$/m);
    const json = await run(["reporters", "--json"], { env });
    const { reporters, invitations } = JSON.parse(json.stdout);
    assert.deepEqual(
      reporters.map(({ name, address, targets, limits }: Record<string, unknown>) => [name, address, targets, limits]),
      [
        ["web-1", "10.0.0.5", ["default/10.0.0.5:8080"], ["port=8080"]],
        ["db", null, [], []],
      ],
    );
    assert.deepEqual([invitations[0].name, invitations[0].usesLeft], ["web", 3]);
    assert.deepEqual(invitations[0].limits, ["port=80", "nat"]);
    const ages = [
      [0, "now"],
      [100 * 60_000, "100 min ago"],
      [30 * 3_600_000, "30 h ago"],
      [100 * 3_600_000, "4 days ago"],
    ] as const;
    for (const [ms, shown] of ages) {
      const at = { "web-1": { at: Date.now() - ms, address: "10.0.0.5", targets: [] } };
      writeFileSync(join(folder, "seen"), JSON.stringify(at), { mode: 0o600 });
      const { stdout } = await run(["reporters"], { env });
      assert.match(stdout, new RegExp(`^web-1 +\\S{16} +${shown} +10\\.0`, "m"));
    }
    const secret = /^\S{8} (\S{22})/m.exec(readFileSync(join(folder, "invitations"), "utf8"))![1]!;
    for (const { stdout, stderr } of [invited, text, json])
      assert.ok(!(stdout + stderr).replace(invited.stdout, "").includes(secret));
  });
});
