/** An HTTP server whose network and time are a test's own. */
import { HttpServer, type HttpServerOptions } from "../../../src/admin/http/server.ts";
import type { Site } from "../../../src/admin/http/site.ts";
import { MemoryNetwork } from "../../../src/net/memory/memory.ts";
import { ManualClock } from "../../support/clock.ts";
import { HttpPeer } from "../../support/http-peer.ts";

const ADDRESS = { host: "10.0.0.1", port: 1667 };

/** All may ask; `answer` says what they get. */
export function openSite(answer: Site<string>["answer"]): Site<string> {
  return { admit: (_head, _url, { host }) => ({ asker: host, group: host, longestBody: 1_000 }), answer };
}

export class World {
  readonly network: MemoryNetwork;
  readonly clock = new ManualClock();
  readonly faults: unknown[] = [];
  readonly server: HttpServer<string>;

  constructor(site: Site<string>, options: Partial<HttpServerOptions<string>> = {}, chunk = 1_000) {
    this.network = new MemoryNetwork({ chunk, window: 4_096 });
    const { network: runtime, clock, faults } = this;
    this.server = new HttpServer({ runtime, clock, site, onFault: (error) => faults.push(error), ...options });
  }

  static async start(...args: ConstructorParameters<typeof World>): Promise<World> {
    const world = new World(...args);
    await world.server.listenTcp(ADDRESS);
    return world;
  }

  /** Somebody at that address. */
  peer(from = "10.0.0.9"): Promise<HttpPeer> {
    return HttpPeer.connect(ADDRESS, this.network.from(from));
  }
}
