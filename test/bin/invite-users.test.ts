/** Root invites for a balancer of another user, and that user where it may not write. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, chownSync, existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { portsOf } from "../support/cluster.ts";
import { removeFolders, temporaryFolder } from "../support/folder.ts";
import { programCommand } from "../support/form.ts";
import { Host } from "../support/invited.ts";
import { asNobody, type Unprivileged } from "../support/nobody.ts";
import { endPrograms, Program } from "../support/program.ts";

const unprivileged = asNobody();
const caches = temporaryFolder("nobody");
/** Somewhere for the runtime's caches. */
const env = { HOME: caches, XDG_CACHE_HOME: caches, DENO_DIR: caches, TMPDIR: caches };
const skip = reasonToSkip();

after(async () => {
  await endPrograms();
  removeFolders();
});

function reasonToSkip(): string | false {
  if (typeof unprivileged === "string") return unprivileged;
  if (unprivileged.uid < 0 || process.getuid?.() !== 0) return "only root can make files for another user";
  chownSync(caches, unprivileged.uid, unprivileged.uid);
  const [file, ...args] = nobodys("--version");
  const { status } = spawnSync(file!, args, { env: { ...process.env, ...env } });
  return status === 0 ? false : "nobody may not read the program here";
}

function nobodys(...args: readonly string[]): string[] {
  return [...(unprivileged as Unprivileged).command, ...programCommand("harmony-balancer"), ...args];
}

/** A folder in which `owner` writes, and whose files all may look for. */
function newFolder(owner: number, mode: number): { folder: string; args: string[] } {
  const folder = temporaryFolder("users");
  chownSync(folder, owner, (unprivileged as Unprivileged).uid);
  chmodSync(folder, mode);
  return { folder, args: ["--reporters", join(folder, "reporters")] };
}

async function run(command: readonly string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const program = new Program(command, { env });
  const { code } = await program.ended();
  return { code, stdout: program.stdout, stderr: program.stderr };
}

describe("harmony-balancer invite", { skip }, () => {
  test("as root makes files that the folder's owner can use: its balancer lets the invited one in", async () => {
    const { uid } = unprivileged as Unprivileged;
    const { folder, args } = newFolder(uid, 0o700);
    const { code, stdout, stderr } = await run([...programCommand("harmony-balancer"), "invite", "web", ...args]);
    assert.equal(code, 0, stderr);
    for (const name of readdirSync(folder)) assert.equal(statSync(join(folder, name)).uid, uid, name);
    const places = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--log-format", "json"];
    const balancer = new Program(nobodys(...places, ...args), { env });
    const { adminPort } = portsOf(await balancer.says(/^listening/));
    const joined = await new Host().join(adminPort, stdout.trim());
    assert.equal(joined.code, 0, joined.stderr);
    assert.ok(existsSync(join(folder, "reporters")));
  });

  test("works in a folder of this user's whose group is another's, as install -d -o USER makes it", async () => {
    const { uid } = unprivileged as Unprivileged;
    const { folder, args } = newFolder(uid, 0o700);
    chownSync(folder, uid, 0);
    for (const name of ["web", "db"]) {
      const { code, stderr } = await run(nobodys("invite", name, ...args));
      assert.equal(code, 0, stderr);
      chownSync(join(folder, "invitations"), uid, 0);
    }
    for (const name of readdirSync(folder)) assert.equal(statSync(join(folder, name)).mode & 0o777, 0o600, name);
  });

  test("says what to do where this user may not write, or where the balancer would not read what it writes", async () => {
    for (const [mode, problem] of [
      [
        0o755,
        /^harmony-balancer invite: user nobody may not write in .*: run this as the user that the balancer runs as/,
      ],
      [
        0o770,
        /^harmony-balancer invite: .* belongs to another user \(id 0\), and a balancer of that user would not read/,
      ],
    ] as const) {
      const { folder, args } = newFolder(0, mode);
      const { code, stdout, stderr } = await run(nobodys("invite", "web", ...args));
      assert.match(stderr, problem);
      assert.deepEqual([code, stdout, readdirSync(folder)], [1, "", []]);
    }
  });

  test("is in vain where the balancer may not write: whoever joins is told, and may try again", async () => {
    const { uid } = unprivileged as Unprivileged;
    const { folder, args } = newFolder(uid, 0o700);
    const { stdout } = await run([...programCommand("harmony-balancer"), "invite", "web", ...args]);
    chownSync(folder, 0, uid);
    chmodSync(folder, 0o750);
    const places = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--log-format", "json"];
    const balancer = new Program(nobodys(...places, ...args), { env });
    const { adminPort } = portsOf(await balancer.says(/^listening/));
    const host = new Host();
    const refused = await host.join(adminPort, stdout.trim());
    assert.equal(refused.code, 1);
    assert.match(
      refused.stderr,
      /the balancer cannot change .*reporters: its user has to be able to write in that folder/,
    );
    await balancer.says(/rejected a reporter at .*the balancer cannot change/);
    chownSync(folder, uid, uid);
    assert.equal((await host.join(adminPort, stdout.trim())).code, 0);
  });
});
