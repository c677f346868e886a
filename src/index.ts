/**
 * node-harmony: a TCP load balancer whose targets register themselves.
 *
 *     const harmony = require("node-harmony");            // or: import * as harmony from "node-harmony"
 *     const balancer = harmony.server({ listenport: 3000 });
 *     const target = harmony.client({ listenport: 8080, balance: 1000 });
 *
 * Nothing is printed, and nothing keeps the process alive after `close()`.
 */
import { Balancer } from "./app/balancer.ts";
import { Reporter } from "./app/reporter.ts";
import { clientSettings, serverSettings } from "./config/library.ts";
import type { UnavailableHandler } from "./proxy/unavailable.ts";

export type { BalancerEvents, BoundAddresses, Rejection } from "./app/balancer.ts";
export type { DrainResult, ReporterEvents } from "./app/reporter.ts";
export type { Address, TcpAddress, UnixAddress } from "./net/runtime.ts";
export type { Algorithm, TargetState, TargetView } from "./pool/pool.ts";
export type { EndCause, EndedBy, Phase, UnavailableReason } from "./proxy/outcome.ts";
export type { CloseRecord } from "./proxy/record.ts";
export type { UnavailableError, UnavailableHandler, UnavailableSocket } from "./proxy/unavailable.ts";
export type { DownReason, LeaveReason, TargetInfo } from "./targets/events.ts";
export type { Balancer, Reporter };

/** Milliseconds, or text such as `"500ms"`, `"30s"`, `"5m"`. */
export type Duration = number | string;

/** What both ends have in common: the key that proves who they are. */
export interface KeyOptions {
  /** `[id:]secret` with at least 16 characters. Default: HARMONY_KEY of the environment, if it is there, else a key file. */
  key?: string;
  /** File of keys. Default: the file at its default place, which the server creates when there is none. */
  keyFile?: string;
  /** Do without a key. Default false. */
  insecure?: boolean;
}

/** Options of `server()`. */
export interface ServerOptions extends KeyOptions {
  /** Address for both ports, `""` for every interface. Default `"localhost"`. */
  host?: string;
  /** Port for clients; 0 is any free one. Default 3000. */
  listenport?: number;
  /** Port for targets to register; 0 is any free one. Default 1666. */
  adminport?: number;
  /** `[HOST:]PORT` for clients, one or several, instead of `host` and `listenport`. */
  listen?: string | number | readonly (string | number)[];
  /** `[HOST:]PORT` for targets, one or several, instead of `host` and `adminport`. */
  admin?: string | number | readonly (string | number)[];
  /** Keep a client on the target it had: `true` or `{}` (30 minutes idle), `false`, or how long it may be away. Default `{}`. */
  persistent?: boolean | object | Duration;
  /** Connections served at once; -1 no limit, 0 pauses. Default -1. */
  concurrency?: number;
  /** Further targets tried when connecting to one fails. Default 1. */
  requeue?: number;
  /** What a client gets when there is no target: a text, or a function that is given the error and the socket. Default: it is closed. */
  unavailable?: string | UnavailableHandler | null;
  /** Minutes (or text with a unit) after which a target that has not reported gets no connections. Default 1. */
  hostTimeout?: Duration;
  /** How a target is picked. Default `"leastconn"`. */
  algorithm?: "leastconn" | "roundrobin" | "random" | "hash";
  /** Connections that may wait for their turn. Default 1024. */
  queue?: number;
  /** How long a connection may wait for its turn. Default 30 s. */
  queueTimeout?: Duration;
  /** How long connecting to a target may take. Default 5 s. */
  connectTimeout?: Duration;
  /** How long a connection may be silent; 0 is no limit. Default 0. */
  idleTimeout?: Duration;
  /** How long open connections may go on after `close()`. Default 30 s. */
  drainTimeout?: Duration;
  /** Paths of PEM files for TLS on the admin port. */
  tlsCert?: string;
  tlsKey?: string;
  /** What moves the bytes. Default `"auto"`. */
  engine?: "auto" | "portable" | "linux";
  /** Threads of the linux engine. Default `"auto"`: as many as there are processors. */
  threads?: number | "auto";
}

/** Options of `client()`. */
export interface ClientOptions extends KeyOptions {
  /** The balancer, `HOST[:PORT]`, or several of them. Default `"localhost"`. */
  host?: string | readonly string[];
  /** The balancer's admin port. Default 1666. */
  adminport?: number;
  /** As `adminport`. */
  adminPort?: number;
  /** The port your server listens on. Default 80. */
  listenport?: number;
  /** As `listenport`. */
  port?: number;
  /** As `listenport`. */
  localport?: number;
  /** Weight: twice the number, twice the share; 0 takes no new connections. Default 500. */
  balance?: number;
  /** As `balance`. */
  weight?: number;
  /** Report at least this often; the balancer's own interval is kept where it is shorter. Default 300000 ms. */
  ack?: Duration;
  /** Address at which the balancer shall connect to your server. Default: the one it sees. */
  advertise?: string;
  /** Pool to join. Default `"default"`. */
  pool?: string;
  /** Name of this target. Default: its address and port. */
  id?: string;
  /** Connections your server takes at once; 0 is no limit. Default 0. */
  maxConnections?: number;
  /** How long `drain()` waits. Default 30 s. */
  drainTimeout?: Duration;
  /** Speak TLS with the balancer. Default false. */
  tls?: boolean;
  /** Path of PEM certificates that alone may sign the balancer's. Switches TLS on. */
  tlsCa?: string;
}

/** A constructor that does not mind being called as a function, as the first Harmony's. */
export interface Factory<Options, Instance> {
  (options?: Options): Instance;
  new (options?: Options): Instance;
  readonly prototype: Instance;
}

/**
 * Starts a balancer; with or without `new`. Throws an error that lists every problem when the options are wrong. What goes
 * wrong later (a port that is taken, say) rejects `ready` and comes as `error`; if neither is used, it is thrown.
 */
export const server: Factory<ServerOptions, Balancer> = factory(Balancer.prototype, (options: ServerOptions) => {
  const settings = serverSettings(options);
  const { unavailable } = options;
  return new Balancer(typeof unavailable === "function" ? { ...settings, unavailable } : settings);
});

/**
 * Announces a target to its balancers; with or without `new`. Throws an error that lists every problem when the options are
 * wrong. It tries for ever: the balancer need not be there yet, nor the server it announces.
 */
export const client: Factory<ClientOptions, Reporter> = factory(
  Reporter.prototype,
  (options: ClientOptions) => new Reporter(clientSettings(options)),
);

export default { server, client };

/** `instanceof` holds for what it makes. */
function factory<Options extends object, Instance extends object>(
  prototype: Instance,
  make: (options: Options) => Instance,
): Factory<Options, Instance> {
  function construct(options?: Options): Instance {
    return make(options ?? ({} as Options));
  }
  construct.prototype = prototype;
  return construct as unknown as Factory<Options, Instance>;
}
