import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { runtime } from "#runtime";
import { linux } from "../../src/engines/linux/main/factory.ts";
import type { Address } from "../../src/net/runtime.ts";
import { removeFolders, temporaryFolder } from "../support/folder.ts";
import { scriptCommand } from "../support/form.ts";
import { inheriting, noParent } from "../support/inherited.ts";
import { endPrograms, Program } from "../support/program.ts";
import { readText, send } from "../support/stream.ts";
import { within } from "../support/wait.ts";

const noLinux = await linux.test({ listen: [{ fd: 3 }] });
const engines = {
  portable: runtime.can.inherit ? false : "cannot listen on what is inherited",
  linux: noLinux ?? false,
};

interface Told {
  readonly address: Address;
  readonly twice: string;
  readonly records: readonly unknown[];
}

after(async () => {
  await endPrograms();
  removeFolders();
});

for (const [name, reason] of Object.entries(engines)) {
  describe(`an inherited socket in the ${name} engine`, { skip: noParent || reason }, () => {
    const serve = async (where: string, host: string): Promise<Told> => {
      const command = [...scriptCommand("test/engines/inherited-child.ts"), name];
      const child = new Program(inheriting(where, command), { env: { DENO_NO_UPDATE_CHECK: "1" } });
      const told = (await child.prints(0)) as unknown as Told;
      assert.equal(told.twice, "EADDRINUSE");
      for (let i = 0; i < 3; i++) {
        const client = await within("connecting", runtime.connect({ to: told.address }));
        assert.equal(await readText(client, 5), "hello");
        await send(client, "bye");
        await client.closeWrite();
        assert.equal(await client.read(), null);
        await client.close();
      }
      process.kill(child.pid, "SIGTERM");
      const { records } = (await child.prints(1)) as unknown as Told;
      assert.deepEqual(records, Array(3).fill([host, "one", "fin"]));
      return told;
    };

    it("is served over TCP", async () => {
      assert.ok("port" in (await serve("tcp", "127.0.0.1")).address);
    });

    it("is served where it is a Unix socket, whose file is its maker's", async () => {
      const path = join(temporaryFolder("inherited"), "web.sock");
      assert.deepEqual((await serve(path, "")).address, { path });
      assert.ok(existsSync(path));
    });
  });
}
