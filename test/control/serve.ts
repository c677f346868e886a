/** A control server over real sockets of the runtime at hand, and on its clock. */
import { runtime } from "#runtime";
import { hostEnvironment } from "../../src/control/keys/key-places.ts";
import { Keys } from "../../src/control/keys/keys.ts";
import { ControlServer, type ControlServerOptions } from "../../src/control/server/server.ts";
import { Pool } from "../../src/pool/pool.ts";
import { KEY } from "./harness.ts";

export async function serveControl(options: Partial<ControlServerOptions> = {}) {
  const pool = Pool.create({ name: "default", algorithm: "leastconn", persistent: null, concurrency: -1, queue: 0 });
  const server = new ControlServer({
    runtime,
    admin: [{ host: "127.0.0.1", port: 0 }],
    adminTls: null,
    keys: new Keys([KEY], null, hostEnvironment()),
    pools: new Map([["default", pool]]),
    hostTimeout: 60_000,
    heartbeat: 0,
    panicOf: () => true,
    maxTargets: () => 1_024,
    maxSessions: () => 100,
    name: "test",
    version: "2",
    clientListeners: () => [],
    onEvent: () => undefined,
    onChange: () => undefined,
    ...options,
  });
  await server.start();
  return { server, pool, address: server.addresses[0]! };
}
