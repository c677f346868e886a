/** What TLS threads need of an engine, and no more: a door on loopback, behind which each client is shown as its PROXY header names it. */
import assert from "node:assert/strict";
import type { ProxyHeader } from "../../src/edge/proxy-header/header.ts";
import { readProxyHeader } from "../../src/edge/proxy-header/read.ts";
import type { EdgeService, Engine, EngineListener } from "../../src/engines/engine.ts";
import type { Connection } from "../../src/net/runtime.ts";
import { serve, type TestServer } from "./peers.ts";

/** One client, as the engine sees it. */
export interface HandedOver {
  readonly header: ProxyHeader;
  readonly connection: Connection;
  readonly shownAs: string;
}

export class TlsEngine {
  /** Those that have come, in their order. */
  readonly clients: HandedOver[] = [];
  /** What each listener was told to serve last. */
  readonly services: EdgeService[] = [];
  readonly #serve: (client: HandedOver) => Promise<void>;

  constructor(handler: (client: HandedOver) => Promise<void>) {
    this.#serve = handler;
  }

  /** As the threads' owner sees it. */
  get engine(): Engine {
    const bind: Engine["bind"] = async (_where, { shownAs = "" }) => this.#listener(shownAs);
    return { bind } as Engine;
  }

  async #listener(shownAs: string): Promise<EngineListener> {
    const server: TestServer = await serve(async (connection) => {
      const client = { connection, header: await takeHeader(connection), shownAs };
      this.clients.push(client);
      await this.#serve(client);
    });
    return {
      address: server.address,
      serve: async (service) => void this.services.push(service as EdgeService),
      change: () => undefined,
      close: () => server.close(),
    };
  }
}

async function takeHeader(connection: Connection): Promise<ProxyHeader> {
  let bytes: Uint8Array = new Uint8Array(0);
  for (;;) {
    const more = await connection.read();
    assert.ok(more !== null, "no PROXY header");
    bytes = Uint8Array.from([...bytes, ...more]);
    const parsed = readProxyHeader(bytes);
    if (parsed.type === "bad") assert.fail(parsed.reason);
    if (parsed.type === "more") continue;
    connection.unread(bytes.subarray(parsed.length));
    return parsed.value;
  }
}
