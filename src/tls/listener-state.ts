/** One listener with TLS as the threads are to have it, those included that take the place of others. */
import { randomBytes } from "node:crypto";
import type { ClientLimitsData } from "../edge/access/client-limits.ts";
import type { Address, ListenAddress } from "../net/runtime.ts";
import type { Clock } from "../util/clock.ts";
import { TlsCounters } from "./counters.ts";
import type { LoadedCertificate, LoadedListenerTls, Order, ThreadService } from "./orders.ts";
import type { ListenerTls, TlsService } from "./settings.ts";
import type { TlsThreads } from "./threads.ts";
import { WatchedCertificates } from "./watched-certificates.ts";

/** What EdgeRules.secret has. */
const SECRET_BYTES = 32;

export interface ListenerStateOptions {
  readonly number: number;
  readonly where: ListenAddress;
  /** ms, as BindOptions. */
  readonly keepalive: number;
  readonly threads: TlsThreads;
  /** So many of the threads listen, the first ones. */
  readonly count: number;
  readonly clock: Clock;
  readonly onWarning: (message: string, cause?: unknown) => void;
}

/** A certificate as it was last read, without its key. */
export type ServedCertificate = Pick<LoadedCertificate, "file" | "names" | "notAfter">;

interface PreparedService {
  readonly service: ThreadService;
  readonly tls: ListenerTls;
  readonly watched: WatchedCertificates;
}

export class ListenerState {
  readonly counters = new TlsCounters();
  /** By which the engine knows our threads. */
  readonly secret: Uint8Array = new Uint8Array(randomBytes(SECRET_BYTES));
  readonly #number: number;
  readonly #threads: TlsThreads;
  readonly #count: number;
  readonly #clock: Clock;
  readonly #warn: (message: string, cause?: unknown) => void;
  #watched: WatchedCertificates | null = null;
  #where: ListenAddress;
  #keepalive: number;
  #address: Address | null = null;
  #service: ThreadService | null = null;
  #tls: ListenerTls | null = null;

  constructor({ clock, count, keepalive, number, onWarning, threads, where }: ListenerStateOptions) {
    this.#number = number;
    this.#where = where;
    this.#keepalive = keepalive;
    this.#threads = threads;
    this.#count = count;
    this.#clock = clock;
    this.#warn = onWarning;
  }

  /** Its port is real. */
  get address(): Address {
    return this.#address!;
  }

  get limits(): ClientLimitsData | null {
    return this.#service?.rules.limits ?? null;
  }

  /** Rejects with NetError, and then nobody listens. */
  async listen(): Promise<void> {
    try {
      for (let thread = 0; thread < this.#count; thread++) {
        const address = await this.#threads.order(thread, this.#listening());
        this.#address ??= address;
        // The first finds a port, and the others share it.
        if (address !== null && "port" in address && "host" in this.#where)
          this.#where = { ...this.#where, port: address.port };
      }
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** What its clients are shown, in the order of the settings. */
  get certificates(): readonly ServedCertificate[] {
    const loaded = this.#service?.tls.certificates ?? [];
    return loaded.map(({ file, names, notAfter }) => ({ file, names, notAfter }));
  }

  /** What serve() takes. `enginePorts`, `routes`: as EngineDoor's. Throws NetError ETLS, and then nothing has changed. */
  prepare(service: TlsService, enginePorts: readonly number[], routes: readonly number[]): PreparedService {
    const { rules, terminates, tls } = service;
    const watched = new WatchedCertificates({
      tls,
      clock: this.#clock,
      onChange: (loaded) => this.#renew(loaded),
      onProblem: this.#warn,
    });
    const engine = { ports: enginePorts, secret: this.secret, routes };
    return {
      tls,
      watched,
      service: { rules, terminates, tls: watched.loaded, engine, counters: this.counters.buffer },
    };
  }

  /** From here on it looks after what it was prepared with. */
  async serve({ service, tls, watched }: PreparedService): Promise<void> {
    this.#watched?.close();
    this.#watched = watched;
    watched.start();
    const loaded = this.#withSessions(service.tls, tls);
    this.#tls = tls;
    this.#service = { ...service, tls: loaded };
    await this.#order({ type: "serve", listener: this.#number, service: this.#service });
  }

  /** Sessions stay valid, unless other clients are trusted now. */
  #withSessions(loaded: LoadedListenerTls, tls: ListenerTls): LoadedListenerTls {
    const [before, former] = [this.#service?.tls, this.#tls];
    const isSame = before?.clientCa === loaded.clientCa && former?.client === tls.client && former.min === tls.min;
    if (!isSame || loaded.ticketKeys === null) return loaded;
    return { ...loaded, ticketKeys: before?.ticketKeys ?? loaded.ticketKeys };
  }

  #renew(loaded: LoadedListenerTls): void {
    const service = { ...this.#service!, tls: this.#withSessions(loaded, this.#tls!) };
    this.#service = service;
    this.#order({ type: "serve", listener: this.#number, service }).catch((error: unknown) =>
      this.#warn("a TLS thread cannot use a renewed certificate", error),
    );
  }

  async change(where: ListenAddress, keepalive: number): Promise<void> {
    if ("path" in where) this.#where = where;
    this.#keepalive = keepalive;
    await this.#order({ type: "change", listener: this.#number, where: this.#where, keepalive });
  }

  async stop(): Promise<void> {
    this.#watched?.close();
    await this.#order({ type: "stop", listener: this.#number });
  }

  /** What makes a thread have it that has nothing. */
  *present(thread: number): Iterable<Order> {
    if (thread >= this.#count) return;
    yield this.#listening();
    if (this.#service !== null) yield { type: "serve", listener: this.#number, service: this.#service };
  }

  #listening(): Order {
    const shared = this.#count > 1;
    return { type: "listen", listener: this.#number, where: this.#where, shared, keepalive: this.#keepalive };
  }

  async #order(order: Order): Promise<void> {
    const threads = Array.from({ length: this.#count }, (_, thread) => thread);
    await Promise.all(threads.map((thread) => this.#threads.order(thread, order)));
  }
}
