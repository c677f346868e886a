/** A listener of the linux engine, as its user has it: its sockets are the main thread's, and the workers accept from them. */
import type { Address, ListenAddress } from "../../../net/runtime.ts";
import { Pool } from "../../../pool/pool.ts";
import { formatAddress } from "../../../util/address.ts";
import type { BindOptions, EdgeService, EngineListener } from "../../engine.ts";
import { RELEASE_MS } from "../../predecessor.ts";
import { edgeService, type ListenerData, type Order } from "../shared/orders.ts";
import type { EdgeEntry, Edges } from "./edges.ts";
import type { BoundSockets } from "./sockets.ts";

/** What it needs of its engine. */
export interface ListenerHost {
  numberOf(pool: Pool): number;
  placeOf(name: string): number;
  readonly edges: Edges;
  /** Has all workers do something. Settles when they have. */
  carryOut(order: Order): Promise<void>;
  /** Its number may be used again. */
  released(listener: LinuxListener): void;
}

export class LinuxListener implements EngineListener {
  readonly number: number;
  readonly sockets: BoundSockets;
  readonly #host: ListenerHost;
  /** What the address is called in records. */
  readonly #name: string;
  /** As in ListenerData; null: it accepts nobody. */
  #service: number | null = null;
  #edge: EdgeEntry | null = null;
  #closing: Promise<void> | null = null;

  constructor(number: number, sockets: BoundSockets, host: ListenerHost, shownAs: string | undefined) {
    this.number = number;
    this.sockets = sockets;
    this.#host = host;
    this.#name = shownAs ?? formatAddress(sockets.address);
  }

  get address(): Address {
    return this.sockets.address;
  }

  /** What a worker that starts has to know of it; null: it is not to accept there. */
  get data(): ListenerData | null {
    if (this.#service === null || this.#closing !== null) return null;
    const { number, sockets } = this;
    const place = this.#host.placeOf(this.#name);
    return { number, descriptors: sockets.descriptors, service: this.#service, place };
  }

  /** It accepts connections, or has. */
  get serves(): boolean {
    return this.#service !== null;
  }

  /** Whether connections that come here may be for the pool of that number. */
  leadsTo(pool: number): boolean {
    return this.#edge === null ? this.#service === pool : this.#edge.pools.includes(pool);
  }

  get isClosing(): boolean {
    return this.#closing !== null;
  }

  serve(service: Pool | EdgeService): Promise<void> {
    if (this.#closing !== null) throw new Error("a listener that was closed serves nobody");
    const former = this.#edge;
    this.#edge = service instanceof Pool ? null : this.#host.edges.open(service);
    const next = service instanceof Pool ? this.#host.numberOf(service) : edgeService(this.#edge!.number);
    this.#service = next;
    const changed = this.#host.carryOut({ type: "listen", listener: this.data! });
    return former === null ? changed : changed.then(() => this.#host.edges.retire(former, next));
  }

  change(where: ListenAddress, options: BindOptions): void {
    this.sockets.change(where, options);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** Those who come are kept out, what is connected already and what is about to be is taken, and only then are the sockets closed. */
  async #close(): Promise<void> {
    if (this.serves) {
      const within = this.sockets.refuse() ? RELEASE_MS : 0;
      await this.#host.carryOut({ type: "unlisten", listener: this.number, within });
    }
    if (this.#edge !== null) await this.#host.edges.retire(this.#edge, null);
    this.sockets.close(this.serves);
    this.#host.released(this);
  }
}
