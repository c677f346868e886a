/** A listener of the linux engine, as its user has it: its sockets are the main thread's, and the workers accept from them. */
import type { Address, ListenAddress } from "../../../net/runtime.ts";
import type { Pool } from "../../../pool/pool.ts";
import type { BindOptions, EngineListener } from "../../engine.ts";
import { RELEASE_MS } from "../../predecessor.ts";
import type { ListenerData, Order } from "../shared/orders.ts";
import type { BoundSockets } from "./sockets.ts";

/** What it needs of its engine. */
export interface ListenerHost {
  numberOf(pool: Pool): number;
  /** Has all workers do something. Settles when they have. */
  carryOut(order: Order): Promise<void>;
  /** Its number may be used again. */
  released(listener: LinuxListener): void;
}

export class LinuxListener implements EngineListener {
  readonly number: number;
  readonly sockets: BoundSockets;
  readonly #host: ListenerHost;
  #pool: number | null = null;
  #closing: Promise<void> | null = null;

  constructor(number: number, sockets: BoundSockets, host: ListenerHost) {
    this.number = number;
    this.sockets = sockets;
    this.#host = host;
  }

  get address(): Address {
    return this.sockets.address;
  }

  /** What a worker that starts has to know of it; null: it is not to accept there. */
  get data(): ListenerData | null {
    if (this.#pool === null || this.#closing !== null) return null;
    return { number: this.number, descriptors: this.sockets.descriptors, pool: this.#pool };
  }

  /** The number of the pool whose connections it accepts; null: it accepts none. */
  get pool(): number | null {
    return this.#pool;
  }

  get isClosing(): boolean {
    return this.#closing !== null;
  }

  serve(pool: Pool): Promise<void> {
    if (this.#closing !== null) throw new Error("a listener that was closed serves nobody");
    this.#pool = this.#host.numberOf(pool);
    return this.#host.carryOut({ type: "listen", listener: this.data! });
  }

  change(where: ListenAddress, { keepalive }: BindOptions): void {
    this.sockets.change(where, keepalive);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** Those who come are kept out, what is connected already and what is about to be is taken, and only then are the sockets closed. */
  async #close(): Promise<void> {
    if (this.#pool !== null) {
      const within = this.sockets.refuse() ? RELEASE_MS : 0;
      await this.#host.carryOut({ type: "unlisten", listener: this.number, within });
    }
    this.sockets.close(this.#pool !== null);
    this.#host.released(this);
  }
}
