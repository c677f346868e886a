import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { runtime } from "#runtime";
import type { Address } from "../../src/net/runtime.ts";
import { removeFolders, temporaryFolder } from "../support/folder.ts";
import { scriptCommand } from "../support/form.ts";
import { inheriting, noParent } from "../support/inherited.ts";
import { endPrograms, Program } from "../support/program.ts";
import { readText } from "../support/stream.ts";
import { within } from "../support/wait.ts";

const skip = runtime.can.inherit ? noParent : "cannot listen on what is inherited";

interface Told {
  readonly address: Address;
  readonly twice: string;
  readonly code: string;
  readonly message: string;
}

function start(where: string, fd = 3): Program {
  const child = scriptCommand("test/net/inherited-child.ts");
  return new Program(inheriting(where, [...child, String(fd)]), { env: { DENO_NO_UPDATE_CHECK: "1" } });
}

async function greeting(to: Address): Promise<string> {
  return readText(await within("connecting", runtime.connect({ to })));
}

after(async () => {
  await endPrograms();
  removeFolders();
});

describe("a socket that was inherited", { skip }, () => {
  it("is listened on over TCP, by one listener", async () => {
    const child = start("tcp");
    const told = (await child.prints(0)) as unknown as Told;
    assert.ok("port" in told.address);
    assert.equal(await greeting(told.address), "hello");
    assert.equal(await greeting(told.address), "hello");
    assert.equal(told.twice, "EADDRINUSE");
  });

  it("is listened on where it is a Unix socket, whose file is its maker's, until its listener is closed", async () => {
    const path = join(temporaryFolder("inherited"), "web.sock");
    const child = start(path);
    const told = (await child.prints(0)) as unknown as Told;
    if (process.platform === "linux") assert.deepEqual(told.address, { path });
    assert.equal(await greeting({ path }), "hello");
    process.kill(child.pid, "SIGUSR2");
    const { again } = (await child.prints(1)) as { again: string };
    assert.match(again, /^cannot listen on fd:3: it was closed with its listener/);
    await assert.rejects(runtime.connect({ to: { path } }), { code: "ECONNREFUSED" });
    assert.ok(existsSync(path));
  });

  it("is missed with a reason", async () => {
    for (const fd of [77, 1]) {
      const child = start("tcp", fd);
      const told = (await child.prints(0)) as unknown as Told;
      assert.equal(told.code, "EINVAL");
      assert.match(told.message, new RegExp(`cannot listen on fd:${fd}: no socket`));
    }
  });
});
