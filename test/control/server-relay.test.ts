/** A relay that has no key and passes on every byte between a reporter and its balancer. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { parseKeyLine, type SharedKey } from "../../src/control/keys/key.ts";
import { hostEnvironment } from "../../src/control/keys/key-places.ts";
import { Keys } from "../../src/control/keys/keys.ts";
import type { TcpAddress } from "../../src/net/runtime.ts";
import { removeFolders, temporaryFolder } from "../support/folder.ts";
import { until } from "../support/wait.ts";
import { CONTROL, leavesNothing, SECRET, World } from "./harness.ts";

const REPORTER = "10.0.0.7";
const RELAY: TcpAddress = { host: "10.0.0.66", port: 1666 };

after(removeFolders);

interface Relayed {
  readonly world: World;
  readonly story: () => string[];
  /** How the reporter was refused. */
  readonly reason: () => string;
  end(): Promise<void>;
}

/** A reporter that believes the relay to be its balancer. `seen`: where the relay connects to the balancer from. */
async function relayed(
  words: string,
  { seen = RELAY.host, advertise, keys }: { seen?: string; advertise?: string; keys?: Keys } = {},
): Promise<Relayed> {
  const key: SharedKey = parseKeyLine(`web:${SECRET} ${words}`, "test");
  const world = await World.start({ ...(keys && { keys }) }, [key]);
  const { network } = world;
  const relay = await network.listen(RELAY, async (inner) => {
    const outer = await network.from(seen).connect({ to: CONTROL });
    await network.relay(inner, outer, { aToB: 0, bToA: 0 });
    for (const side of [inner, outer]) side.abort();
  });
  const { t: _, ...target } = {
    t: "report",
    pool: "default",
    port: 8080,
    weight: 500,
    health: "up",
    drain: false,
  } as const;
  const { client, events, story } = world.reporter(REPORTER, {
    to: RELAY,
    key: () => key,
    targets: [{ ...target, ...(advertise !== undefined && { advertise }) }],
  });
  client.start();
  await until("an answer", () => story().some((event) => /registered|rejected/.test(event)));
  const reason = () =>
    events.flatMap(([, about]) => (typeof about === "object" && "reason" in about ? [about.reason] : [])).join();
  const end = async () => {
    await relay.close();
    await leavesNothing(world, client);
  };
  return { world, story, reason, end };
}

const hosts = ({ pool }: World) => pool.targets().map(({ address }) => ("host" in address ? address.host : ""));

describe("a relay without a key", () => {
  it("is not registered in the reporter's place, and both sides are told why", async () => {
    const { world, story, reason, end } = await relayed("");
    assert.deepEqual(hosts(world), []);
    assert.ok(story().includes("rejected ADDRESS_MISMATCH"), story().join());
    assert.ok(reason().includes(REPORTER) && reason().includes(RELAY.host), reason());
    assert.ok(world.story.includes("rejected ADDRESS_MISMATCH"), world.story.join());
    await end();
  });

  it("on the balancer's own host makes no target there, not even with nat", async () => {
    for (const words of ["", "nat"]) {
      const { world, story, end } = await relayed(words, { seen: "127.0.0.1" });
      assert.deepEqual(hosts(world), []);
      assert.ok(story().includes("rejected ADDRESS_MISMATCH"), story().join());
      await end();
    }
  });

  it("cannot change the address that a reporter advertises", async () => {
    const { world, end } = await relayed("advertise=10.0.0.0/24", { advertise: REPORTER });
    assert.deepEqual(hosts(world), [REPORTER]);
    await end();
  });

  it("goes out within a second when the key's leave for it is taken back", async () => {
    const path = join(temporaryFolder("relay"), "key");
    const write = (words: string) => writeFileSync(path, `web:${SECRET} ${words}\n`, { mode: 0o600 });
    write("nat");
    const { world, story, end } = await relayed("nat", { keys: new Keys([], path, hostEnvironment()) });
    assert.deepEqual(hosts(world), [RELAY.host]);
    write("");
    await world.pass(1_000, 100);
    assert.deepEqual(hosts(world), []);
    assert.ok(world.story.includes("rejected FORBIDDEN"), world.story.join());
    assert.ok(story().includes("rejected FORBIDDEN"), story().join());
    await end();
  });

  it("is taken for the target where the key says that addresses are translated", async () => {
    const { world, end } = await relayed("nat");
    assert.deepEqual(hosts(world), [RELAY.host]);
    await end();
  });
});
