/** Names at a server of the DNS, sockets and a control server: what the document names becomes targets that are up. */
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { runtime } from "#runtime";
import type { ControlEvents } from "../../src/control/server/server.ts";
import { Dns } from "../../src/net/dns.ts";
import type { Listener } from "../../src/net/runtime.ts";
import { DeclaredTargets } from "../../src/targets/sources/declared-targets.ts";
import type { WantedTarget } from "../../src/targets/wanted.ts";
import { systemClock } from "../../src/util/clock.ts";
import type { EventOf } from "../../src/util/emitter.ts";
import { DnsServer } from "../support/dns-server.ts";
import { until } from "../support/wait.ts";
import { serveControl } from "./serve.ts";

const open: Listener[] = [];
after(() => Promise.all(open.map((listener) => listener.close())));

/** A server at that address of this machine; on a free port, unless one is given. */
async function serverAt(host: string, port = 0): Promise<number> {
  const listener = await runtime.listen({ host, port }, (connection) => void connection.close());
  open.push(listener);
  return listener.address.port;
}

const TERMS = { weight: 100, maxConnections: 0, priority: 0, backup: false };

describe("names in the document", () => {
  const manyLoopbacks = { skip: process.platform !== "linux" && "only Linux has all of 127.0.0.0/8" };

  it("are targets at all of their addresses, and follow the DNS", manyLoopbacks, async () => {
    const port = await serverAt("127.0.0.1");
    await serverAt("127.0.0.2", port);
    const names = await DnsServer.start({
      "db.example": { ttl: 1, A: ["127.0.0.1"] },
      "_db._tcp.example": { SRV: [{ priority: 1, weight: 30, port, host: "db.example" }] },
    });
    const story: string[] = [];
    const onEvent = (...[name, target]: EventOf<ControlEvents>) => {
      if (typeof target === "object" && "identity" in target) story.push(`${name} ${target.identity}`);
    };
    const { server, pool } = await serveControl({ onEvent });
    const targets = new DeclaredTargets({
      clock: systemClock,
      resolver: new Dns([names.address]),
      onTargets: (name, declared) => server.registry.declare(name, declared),
      onWarning: assert.fail,
    });
    const wanted: WantedTarget[] = [{ kind: "name", host: "db.example", port, ...TERMS }];
    targets.set("default", wanted);
    const states = () => pool.targets().map(({ identity, state }) => `${identity} ${state}`);
    const [first, second] = ["127.0.0.1", "127.0.0.2"].map((host) => `default/${host}:${port}`);
    await until("the first", () => states().join() === `${first} up`);
    names.zones.set("db.example", { ttl: 1, A: ["127.0.0.2", "127.0.0.1"] });
    await until("both", () => states().join() === `${first} up,${second} up`);
    names.zones.set("db.example", { ttl: 1, A: ["127.0.0.2"] });
    await until("the second", () => states().join() === `${second} up`);
    assert.deepEqual(server.registry.sourcesOf(second!), ["dns"]);
    assert.deepEqual(story, [`targetUp ${first}`, `targetUp ${second}`, `targetLeave ${first}`]);

    targets.set("default", [{ kind: "srv", name: "_db._tcp.example", ...TERMS }]);
    await until("the service", () => pool.view(second!)?.weight === 30);
    targets.close();
    await Promise.all([server.close(), names.close()]);
  });
});
