/** Everything that listens for people and programs: sockets, ports, the port for monitoring. Each kind has places of its own, so that none takes another's. */
import type { Address, Runtime, TcpAddress, TlsCertificate, UnixListenAddress } from "../net/runtime.ts";
import { formatAddress, isWildcard } from "../util/address.ts";
import { type Clock, systemClock } from "../util/clock.ts";
import type { GuessLimit } from "./access/guess-limit.ts";
import { type Answer, metricsSite, portSite, socketSite, type Visit } from "./access/sites.ts";
import type { Tokens } from "./access/tokens.ts";
import { HttpServer, type Patience } from "./http/server.ts";
import type { Site } from "./http/site.ts";

/**
 * At the port for monitoring, where nobody has to say who he is: what a page of ten thousand targets is made of takes some MB, for as long as
 * it is read. Those who collect are a handful.
 */
const MOST_SCRAPES = 16;
/** Of a socket's file: whoever may open it may do all that the API can do. */
const MODE = 0o600;

export interface AdminServerOptions {
  readonly runtime: Runtime;
  readonly answer: Answer;
  readonly tokens: Pick<Tokens, "find">;
  readonly guesses: GuessLimit;
  /** Under which the ports are reached, beside addresses and localhost. */
  readonly names: readonly string[];
  /** Of each answer, its status. */
  readonly onAnswer: (status: number) => void;
  /** A fault in what is answered. */
  readonly onFault: (error: unknown) => void;
  readonly clock?: Clock;
  readonly patience?: Partial<Patience>;
}

/** Where it is to be found. */
export interface ApiPlaces {
  /** Paths of Unix sockets. */
  readonly sockets: readonly string[];
  /** With a slash at the end. */
  readonly urls: readonly string[];
  readonly metrics: readonly string[];
}

export class AdminServer {
  readonly #atSockets: HttpServer<Visit>;
  readonly #atPorts: HttpServer<Visit>;
  readonly #forMetrics: HttpServer<Visit>;
  readonly #renewals: ((certificate: TlsCertificate) => void)[] = [];
  readonly places: { readonly sockets: string[]; readonly urls: string[]; readonly metrics: string[] } = {
    sockets: [],
    urls: [],
    metrics: [],
  };

  constructor(options: AdminServerOptions) {
    const { runtime, answer, onAnswer, onFault, clock = systemClock, patience = {} } = options;
    const server = (site: Site<Visit>, mostBusy?: number) =>
      new HttpServer<Visit>({ runtime, site, clock, patience, onAnswer, onFault, ...(mostBusy && { mostBusy }) });
    this.#atSockets = server(socketSite(answer));
    this.#atPorts = server(portSite(options, answer));
    this.#forMetrics = server(metricsSite(answer), MOST_SCRAPES);
  }

  /** Rejects with NetError, as the others do. */
  async listenAtSocket(where: UnixListenAddress): Promise<void> {
    const { address } = await this.#atSockets.listenUnix({ ...where, mode: where.mode ?? MODE });
    this.places.sockets.push(pathOf(address));
  }

  async listenAtPort(where: TcpAddress, tls: TlsCertificate | null): Promise<void> {
    const listener = await this.#atPorts.listenTcp(where, tls ?? undefined);
    if (listener.renew !== undefined) this.#renewals.push(listener.renew);
    this.places.urls.push(urlOf(tls === null ? "http" : "https", listener.address));
  }

  async listenForMetrics(where: TcpAddress): Promise<void> {
    const { address } = await this.#forMetrics.listenTcp(where);
    this.places.metrics.push(urlOf("http", address));
  }

  /** Throws NetError, and the former certificate stays. */
  renew(certificate: TlsCertificate): void {
    for (const renew of this.#renewals) renew(certificate);
  }

  /** Answers under way are cut off. Idempotent. */
  async close(): Promise<void> {
    await Promise.all([this.#atSockets.close(), this.#atPorts.close(), this.#forMetrics.close()]);
  }
}

function pathOf(address: Address): string {
  return "path" in address ? address.path : "";
}

/** As a browser on this machine has it. */
function urlOf(scheme: string, { host, port }: TcpAddress): string {
  return `${scheme}://${formatAddress({ host: isWildcard(host) ? "127.0.0.1" : host, port })}/`;
}
