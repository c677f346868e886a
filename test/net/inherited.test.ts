import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { runtime } from "#runtime";
import { inheritedSockets } from "../../src/net/inherited.ts";
import type { Address } from "../../src/net/runtime.ts";
import { removeFolders, temporaryFolder } from "../support/folder.ts";
import { scriptCommand } from "../support/form.ts";
import { endPrograms, Program } from "../support/program.ts";
import { readText } from "../support/stream.ts";
import { within } from "../support/wait.ts";

/** Becomes the program behind its first argument, which gets a listening socket as descriptor 3, as from a service manager. */
const PARENT = `
import os, socket, sys
where = sys.argv[1]
if where == "tcp":
  listener = socket.socket(); listener.bind(("127.0.0.1", 0))
else:
  listener = socket.socket(socket.AF_UNIX); listener.bind(where)
listener.listen(16)
os.dup2(listener.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1", LISTEN_FDNAMES="web")
os.execvp(sys.argv[2], sys.argv[2:])
`;
const noPython = spawnSync("python3", ["--version"]).status === 0 ? false : "there is no python3 here";
const skip = runtime.can.inherit ? noPython : "cannot listen on what is inherited";

interface Told {
  readonly address: Address;
  readonly twice: string;
  readonly passed: unknown;
  readonly code: string;
  readonly message: string;
}

function start(where: string, fd = 3): Program {
  const child = scriptCommand("test/net/inherited-child.ts");
  return new Program(["python3", "-c", PARENT, where, ...child, String(fd)], { env: { DENO_NO_UPDATE_CHECK: "1" } });
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
    assert.deepEqual(told.passed, [{ fd: 3, name: "web" }]);
  });

  it("is listened on where it is a Unix socket, whose file is its maker's", async () => {
    const path = join(temporaryFolder("inherited"), "web.sock");
    const child = start(path);
    const told = (await child.prints(0)) as unknown as Told;
    if (process.platform === "linux") assert.deepEqual(told.address, { path });
    assert.equal(await greeting({ path }), "hello");
    process.kill(child.pid, "SIGUSR2");
    await child.prints(1);
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

describe("sockets that a service manager passes on", () => {
  const of = (LISTEN_FDS: string, LISTEN_FDNAMES?: string, LISTEN_PID = "7") =>
    inheritedSockets({ LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES }, 7);

  it("have numbers from 3 on, and names", () => {
    assert.deepEqual(of("3", "web:db:web"), [
      { fd: 3, name: "web" },
      { fd: 4, name: "db" },
      { fd: 5, name: "web" },
    ]);
  });

  it("are called unknown where they have no name", () => {
    assert.deepEqual(of("2"), [
      { fd: 3, name: "unknown" },
      { fd: 4, name: "unknown" },
    ]);
    assert.deepEqual(of("2", "web")[1], { fd: 4, name: "unknown" });
  });

  it("are another process's where that is named, and none where their number is none", () => {
    for (const pid of ["8", "", "07"]) assert.deepEqual(of("1", "web", pid), []);
    for (const count of ["", "0", "-1", "1e3", "many", "99999"]) assert.deepEqual(of(count), []);
    assert.deepEqual(inheritedSockets({}, 7), []);
  });
});
