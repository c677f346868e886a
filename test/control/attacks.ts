/** An attacker who is the network, and holds no key: relays that pass on, record, hold back and play again. */
import type { Connection } from "../../src/net/runtime.ts";
import { CONTROL, type World } from "./harness.ts";

/** What one direction of a connection has carried. */
type Recording = Uint8Array[];

export class Relay {
  /** By connection, what the reporter said and what the balancer said. */
  readonly said: { readonly reporter: Recording; readonly balancer: Recording }[] = [];
  readonly #world: World;
  readonly #host: string;

  private constructor(world: World, host: string) {
    this.#world = world;
    this.#host = host;
  }

  /** Passes every byte on between whoever connects to `host` and the balancer, for which it is `host`. */
  static async start(world: World, host: string): Promise<Relay> {
    const relay = new Relay(world, host);
    await world.network.from(host).listen({ host, port: CONTROL.port }, (reporter) => void relay.#pass(reporter));
    return relay;
  }

  async #pass(reporter: Connection): Promise<void> {
    const balancer = await this.#world.network.from(this.#host).connect({ to: CONTROL });
    const recorded = { reporter: [], balancer: [] };
    this.said.push(recorded);
    await Promise.all([pass(reporter, balancer, recorded.reporter), pass(balancer, reporter, recorded.balancer)]);
  }
}

async function pass(from: Connection, to: Connection, recording: Recording): Promise<void> {
  try {
    for (let chunk = await from.read(); chunk !== null; chunk = await from.read()) {
      recording.push(Uint8Array.from(chunk));
      await to.write(chunk);
    }
    await to.close();
  } catch {
    to.abort(); // one side is gone: so is the other
  }
}
