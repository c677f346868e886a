/**
 * An HTTP/1.1 server on the net seam, the same on every runtime: for the API, its dashboard, the metrics, and what a reporter says of
 * itself. Whoever connects is bounded before it is trusted: in time, in bytes, and in the number of those like it.
 */
import { NetError } from "../../net/net-error.ts";
import type {
  Address,
  Connection,
  Listener,
  ListenOptions,
  Runtime,
  TlsCertificate,
  UnixListenAddress,
} from "../../net/runtime.ts";
import { clientName } from "../../util/client-key.ts";
import { type Clock, systemClock } from "../../util/clock.ts";
import { Deadlines } from "../../util/deadlines.ts";
import { FairPlaces } from "../../util/fair-places.ts";
import { PreAuthLimit } from "../../util/pre-auth-limit.ts";
import { type Phase, Session, type SessionHost } from "./session.ts";
import type { Site } from "./site.ts";

/** ms for each thing that a client is waited for. */
export type Patience = Readonly<Record<Phase, number>>;

const PATIENCE: Patience = {
  /** From accept, or the last answer, to the next request. Longer than browsers and scrapers are silent. */
  idle: 75_000,
  /** From a head's first byte to its end. */
  head: 10_000,
  /** A whole one: the longest in this time takes 35 kB/s. */
  body: 30_000,
  /** For one piece of an answer to be taken. */
  write: 15_000,
  /** For the client's end, once the last answer has been sent. */
  farewell: 2_000,
  /** For what has been sent to be taken, when the connection has been closed. */
  flush: 5_000,
};

/**
 * Connections that wait for their next request, or have not been admitted yet. A newcomer beyond that takes the place of the oldest of
 * the address that has most.
 */
const MOST_WAITING = 256;
/** Connections that have been admitted and are answered, streams among them. One beyond that takes the place of the oldest of the group that has most. */
const MOST_BUSY = 256;

export interface HttpServerOptions<Asker> {
  readonly runtime: Runtime;
  readonly site: Site<Asker>;
  readonly clock?: Clock;
  readonly patience?: Partial<Patience>;
  readonly mostWaiting?: number;
  readonly mostBusy?: number;
  /** Of each answer, its status. */
  readonly onAnswer?: (status: number) => void;
  /** Of the program, not of a client. */
  readonly onFault: (error: unknown) => void;
}

export class HttpServer<Asker> {
  readonly #options: HttpServerOptions<Asker>;
  readonly #listeners: Listener<Address>[] = [];
  readonly #sessions = new Set<Session<Asker>>();
  readonly #waiting: FairPlaces;
  readonly #busy: FairPlaces;
  readonly #strangers: PreAuthLimit;
  readonly #deadlines: Readonly<Record<Phase, Deadlines<Session<Asker>>>>;
  readonly #host: SessionHost<Asker>;
  #closed = false;

  constructor(options: HttpServerOptions<Asker>) {
    this.#options = options;
    const { mostWaiting = MOST_WAITING, mostBusy = MOST_BUSY, site, onAnswer = () => undefined, onFault } = options;
    this.#waiting = new FairPlaces(mostWaiting);
    this.#busy = new FairPlaces(mostBusy);
    this.#strangers = new PreAuthLimit(mostWaiting);
    this.#deadlines = this.#makeDeadlines();
    this.#host = {
      site,
      waits: (session, phase) => this.#waits(session, phase),
      busy: (session, group) => {
        this.#waiting.delete(session);
        this.#busy.add(session, group);
      },
      waiting: (session) => {
        this.#busy.delete(session);
        this.#waiting.add(session, clientName(session.address));
      },
      answered: onAnswer,
      fault: onFault,
    };
  }

  /** Connections. */
  get size(): number {
    return this.#sessions.size;
  }

  /** Rejects with NetError. */
  async listenTcp(where: Pick<ListenOptions, "host" | "port">, tls?: TlsCertificate): Promise<Listener> {
    const { runtime } = this.#options;
    const options = { ...where, ...(tls && { tls, strangers: this.#strangers }) };
    return this.#opened(await runtime.listen(options, (connection) => this.#accept(connection)));
  }

  /** Rejects with NetError. */
  async listenUnix(where: UnixListenAddress): Promise<Listener<Address>> {
    const { runtime } = this.#options;
    return this.#opened(await runtime.listenOn(where, {}, (connection) => this.#accept(connection)));
  }

  /** No listener is left, and no connection; answers under way are cut off. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    const closing = this.#listeners.splice(0).map((listener) => listener.close());
    for (const session of this.#sessions) session.close();
    await Promise.all(closing);
  }

  #opened<A extends Address>(listener: Listener<A>): Listener<A> {
    this.#listeners.push(listener as Listener<Address>);
    if (!this.#closed) return listener;
    void this.close();
    throw new NetError("EABORTED", "the server was closed while it began to listen");
  }

  #accept(connection: Connection): void {
    if (this.#closed) {
      connection.abort();
      return;
    }
    const { host } = connection.remote;
    const session = new Session(this.#host, connection, { host });
    this.#sessions.add(session);
    this.#waiting.add(session, clientName(host));
    void session.run().then(() => this.#ended(session));
  }

  #ended(session: Session<Asker>): void {
    this.#sessions.delete(session);
    this.#waiting.delete(session);
    this.#busy.delete(session);
    this.#waits(session, null);
  }

  #waits(session: Session<Asker>, phase: Phase | null): void {
    for (const [each, deadlines] of Object.entries(this.#deadlines)) {
      if (each !== phase) deadlines.cancel(session);
    }
    if (phase !== null && this.#sessions.has(session)) this.#deadlines[phase].start(session);
  }

  #makeDeadlines(): Record<Phase, Deadlines<Session<Asker>>> {
    const { clock = systemClock, patience } = this.#options;
    const all = Object.entries({ ...PATIENCE, ...patience }).map(([phase, ms]) => [
      phase,
      new Deadlines<Session<Asker>>(clock, ms, (session) => session.expire()),
    ]);
    return Object.fromEntries(all) as Record<Phase, Deadlines<Session<Asker>>>;
  }
}
