/** A balancer reads its document again when it is told to, however often that is. */
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { Balancer } from "../../src/app/balancer.ts";
import { serverSettings } from "../../src/config/library.ts";
import type { BalancerSettings } from "../../src/config/settings.ts";
import { within } from "../support/wait.ts";

const ANY = "127.0.0.1:0";
const open: Balancer[] = [];
after(() => Promise.all(open.map((each) => each.close(0))));

function documentWith(pool: string): BalancerSettings {
  const pools = { stays: { listen: ANY }, [pool]: { listen: ANY } };
  return serverSettings({ admin: ANY, key: "a-key-that-only-these-tests-use", engine: "portable", api: false, pools });
}

describe("reloads that are asked for while one is under way", () => {
  it("are one, which reads what there is when its turn comes", async () => {
    let [file, reads] = ["first", 0];
    const read = () => {
      reads++;
      return documentWith(file);
    };
    const balancer = new Balancer(read(), { read, parse: documentWith, files: () => [] });
    open.push(balancer);
    await balancer.ready;
    const asked = ["second", "third", "fourth", "fifth"].flatMap((name) => {
      file = name;
      return Array.from({ length: 50 }, () => balancer.reload());
    });
    const steps = await within("all reloads", Promise.all(asked));
    assert.ok(steps.every((each) => each.length > 0));
    assert.ok(reads <= 3, `it was read ${reads} times`);
    assert.deepEqual(
      balancer.pools().map(({ name }) => name),
      ["stays", "fifth"],
    );
    file = "sixth";
    const next = balancer.reload();
    await next;
    assert.equal(balancer.pools().at(-1)!.name, "sixth");
  });

  it("leave a document that is given behind", async () => {
    const balancer = new Balancer(documentWith("first"), {
      read: () => documentWith("first"),
      parse: documentWith,
      files: () => [],
    });
    open.push(balancer);
    await balancer.ready;
    await balancer.applyDocument("given");
    assert.equal(balancer.pools().at(-1)!.name, "given");
    await balancer.reload();
    assert.equal(balancer.pools().at(-1)!.name, "first");
  });

  it("all fail with what is wrong, and the next one is a new one", async () => {
    let isBroken = true;
    const read = () => {
      if (isBroken) throw new Error("broken");
      return documentWith("second");
    };
    const balancer = new Balancer(documentWith("first"), { read, parse: documentWith, files: () => [] });
    open.push(balancer);
    await balancer.ready;
    const both = [balancer.reload(), balancer.reload()];
    for (const each of both) await assert.rejects(each, { message: "broken" });
    isBroken = false;
    assert.ok((await balancer.reload()).length > 0);
  });
});
