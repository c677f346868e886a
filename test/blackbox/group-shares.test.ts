/** Two balancers of one group at a real Redis: each shows how the connections of a target divide over both. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, it } from "node:test";
import type { GroupTargets } from "../../src/admin/api/schemas/group.ts";
import { ask } from "../../src/admin/client.ts";
import { type Balancer, launchReporter, startBalancer } from "../support/cluster.ts";
import { removeFolders, temporaryFolder } from "../support/folder.ts";
import { echo, endServers, openConnection, serve } from "../support/peers.ts";
import { endPrograms, start } from "../support/program.ts";
import { endRedis, noRedis, RedisServer } from "../support/redis.ts";
import { until } from "../support/wait.ts";

const NAME = "default/one";

after(async () => {
  await endPrograms();
  await endRedis();
  await endServers();
  removeFolders();
});

interface Member {
  readonly balancer: Balancer;
  readonly api: string;
  shares(): Promise<GroupTargets>;
}

async function member(redis: RedisServer, name: string): Promise<Member> {
  const api = join(temporaryFolder("shares"), `${name}.sock`);
  const env = { HARMONY_API: `unix:${api}`, HARMONY_STATE: "off" };
  const balancer = await startBalancer(["--group", `unix://${redis.socket}`], { env });
  const shares = () => ask([api], { method: "GET", path: "/v1/group/targets" }) as Promise<GroupTargets>;
  return { balancer, api, shares };
}

/** `8 = 5 + 3`, the asked one's own first; `?` where it is not known, and `+` where that is so of some. */
function sumText({ items }: GroupTargets): string | null {
  const target = items.find(({ id }) => id === NAME);
  if (target === undefined) return null;
  const parts = target.shares.map(({ active }) => active ?? "?").join(" + ");
  return `${target.active}${target.isWhole ? "" : "+"} = ${parts}`;
}

/** Asks that balancer until it shows this. */
async function shows(of: Member, what: string): Promise<void> {
  let seen: string | null = null;
  const isSo = async () => {
    seen = sumText(await of.shares());
    return seen === what;
  };
  await until(what, isSo).catch((error: Error) => assert.fail(`${error.message}; it was ${seen}`));
}

it("a target's connections are shown once, with what each balancer of the group has", { skip: noRedis }, async () => {
  const redis = await RedisServer.start();
  const [a, b] = [await member(redis, "a"), await member(redis, "b")];
  const server = await serve(echo);
  launchReporter([a.balancer.adminPort], server.port, ["--id", "one"]);
  for (const each of [a, b]) await shows(each, "0 = 0 + 0");

  for (let n = 0; n < 5; n++) await openConnection(a.balancer.port);
  for (let n = 0; n < 3; n++) await openConnection(b.balancer.port);
  await shows(a, "8 = 5 + 3");
  await shows(b, "8 = 3 + 5");

  const command = start("harmony-balancer", ["targets", "--group", "one"], { env: { HARMONY_API: `unix:${b.api}` } });
  assert.equal((await command.ended()).code, 0);
  assert.match(command.stdout, /\ndefault\/one +up +\S+ +8 +3 +5\n/);

  b.balancer.program.signal("SIGSTOP");
  await shows(a, "5+ = 5 + ?");
  b.balancer.program.signal("SIGCONT");
  await shows(a, "8 = 5 + 3");

  redis.stop();
  await shows(a, "5+ = 5 + ?");
  await until("the group lost", async () => (await a.shares()).state === "lost");
  redis.goOn();
  await shows(a, "8 = 5 + 3");
});
