/** Where the API cannot be: what becomes of its balancer. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { runtime } from "#runtime";
import { Balancer } from "../../src/app/balancer.ts";
import { serverSettings } from "../../src/config/library.ts";
import { removeFolders, temporaryFolder } from "../support/folder.ts";

const ANY = "127.0.0.1:0";

after(removeFolders); // of the file, which may share its process with others that have folders

describe("a port that another program has", () => {
  for (const mayBeTaken of [true, false]) {
    it(
      mayBeTaken ? "is gone without, and told, if nobody has asked for it" : "fails the start, if it was asked for",
      async () => {
        const other = await runtime.listen({ host: "127.0.0.1", port: 0 }, (each) => each.abort());
        const { address } = other;
        const folder = temporaryFolder("taken");
        const settings = serverSettings({
          admin: ANY,
          listen: ANY,
          engine: "portable",
          key: "a-key-of-these-tests-alone",
        });
        const balancer = new Balancer({
          ...settings,
          reporters: join(folder, "reporters"),
          keyFile: join(folder, "key"),
          api: [mayBeTaken ? { ...address, mayBeTaken } : address],
        });
        const warnings: string[] = [];
        balancer.on("warning", (message) => warnings.push(message));
        try {
          if (mayBeTaken) await balancer.ready;
          else await assert.rejects(balancer.ready, { code: "EADDRINUSE" });
          const told = warnings.filter((each) => /has no dashboard until it is given a port of its own/.test(each));
          assert.equal(told.length, mayBeTaken ? 1 : 0, warnings.join("\n"));
        } finally {
          await balancer.close(0);
          await other.close();
        }
      },
    );
  }
});
