/** TLS in front of an engine that moves nothing: its listeners are the engine's, and it keeps book of what they serve, and of bridges. */
import type { BindOptions, TargetTlsBridge } from "../../src/engines/engine.ts";
import type { ListenAddress } from "../../src/net/runtime.ts";
import type { TlsListener } from "../../src/tls/listeners.ts";
import type { TargetTls, TlsService } from "../../src/tls/settings.ts";
import type { FakeEngine } from "./fake-engine.ts";

export class FakeTls {
  /** What each address serves. */
  readonly served = new Map<string, TlsService>();
  /** Those that are open. */
  readonly bridges = new Map<number, TargetTls>();
  /** Why it serves nothing: the runtime lacks something. */
  refusal: Error | null = null;
  readonly #engine: FakeEngine;
  #terms = 0;

  constructor(engine: FakeEngine) {
    this.#engine = engine;
  }

  async bind(where: ListenAddress, options: BindOptions): Promise<TlsListener> {
    const door = await this.#engine.bind(where, options);
    const { served } = this;
    return {
      address: door.address,
      counts: { handshakes: 0, resumed: 0, failed: 0 },
      certificates: [],
      async serve(service: TlsService) {
        served.set(JSON.stringify(where), service);
        await door.serve(service);
      },
      change: (to, next) => door.change(to, next),
      async close() {
        served.delete(JSON.stringify(where));
        await door.close();
      },
    };
  }

  check(): void {
    if (this.refusal !== null) throw this.refusal;
  }

  bridge(tls: TargetTls): Promise<TargetTlsBridge> {
    const terms = ++this.#terms;
    this.bridges.set(terms, tls);
    return Promise.resolve({ port: 1, secret: new Uint8Array(32), terms });
  }

  forget({ terms }: TargetTlsBridge): Promise<void> {
    this.bridges.delete(terms);
    return Promise.resolve();
  }
}
