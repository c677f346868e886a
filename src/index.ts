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
import type { ServerOptions } from "./config/library-forms.ts";
import type { LibraryOptions } from "./config/option.ts";
import type { reporterOptions } from "./config/reporter-options.ts";
import type { targetOptions } from "./config/target-options.ts";

export type { Page } from "./admin/api/schemas/common.ts";
export type { Connection, ConnectionFilter, ConnectionSort } from "./admin/api/schemas/connections.ts";
export type { Answering, Group, GroupTarget, GroupTargets, Member } from "./admin/api/schemas/group.ts";
export type { Event } from "./admin/api/schemas/people.ts";
export type { History } from "./admin/api/schemas/pools.ts";
export type { Status } from "./admin/api/schemas/status.ts";
export type { Target } from "./admin/api/schemas/targets.ts";
export type { OrderWord } from "./admin/face.ts";
export type { BalancerEvents, BoundAddresses } from "./app/balancer.ts";
export type { ConnectionListing, Operator } from "./app/operated/operator.ts";
export type { AnnouncedTarget, DrainResult, ReporterEvents } from "./app/reporter.ts";
export type { ListenerView, PoolTarget, PoolView } from "./app/views.ts";
export type { CheckOptions } from "./config/check-kind.ts";
export type { Step } from "./config/document/difference.ts";
export type { Duration } from "./config/kinds.ts";
export type { ListenerOptions, PoolOptions, RouteOptions, ServerOptions } from "./config/library-forms.ts";
export type { LogLevels } from "./config/log-levels.ts";
export type { PoolSettings } from "./config/settings.ts";
export type { NamedTarget } from "./config/target-kind.ts";
export type { ListenerTlsOptions, TargetTlsOptions } from "./config/tls-kinds.ts";
export type { LoadedKeys } from "./control/keys/keys.ts";
export type { Rejection } from "./control/server/rejections.ts";
export type { MemberView } from "./group/view.ts";
export type { NetCode } from "./net/net-error.ts";
export type { Address, TcpAddress, UnixAddress } from "./net/runtime.ts";
export type { AlgorithmName as Algorithm, TargetState, TargetView } from "./pool/pool.ts";
export type { EndCause, EndedBy, Phase, UnavailableReason } from "./proxy/outcome.ts";
export type { CloseRecord, TriedTarget } from "./proxy/record.ts";
export type { UnavailableError, UnavailableHandler, UnavailableSocket } from "./proxy/unavailable.ts";
export type { Order } from "./targets/orders.ts";
export type { Rate } from "./targets/removal/rate.ts";
export type {
  DownReason,
  DrainReason,
  LeaveReason,
  LostReporter,
  Ordered,
  PanicStart,
  SuspectReason,
  TargetInfo,
} from "./targets/report.ts";
export type { TargetSource } from "./targets/wanted.ts";
export type { Balancer, Reporter };

// What each option means is said in its table. `make pack` writes it into the declarations, where editors show it.

/** Options of `client()`. */
export interface ClientOptions extends LibraryOptions<typeof reporterOptions> {
  /** Several targets, each with options of its own, for which the ones beside this list are the defaults. Default: one, which those describe. */
  targets?: readonly TargetOptions[];
}

/** Options of one of the targets of `client()`. */
export interface TargetOptions extends LibraryOptions<typeof targetOptions> {}

/** A constructor that may also be called as a function, as in the first Harmony. */
export interface Factory<Options, Instance> {
  (options?: Options): Instance;
  new (options?: Options): Instance;
  readonly prototype: Instance;
}

/**
 * Starts a balancer, with or without `new`. If options are wrong, throws an error that lists every problem. What goes wrong
 * later (a port that is taken, say) rejects `ready` and comes as `error`; if neither is used, it is thrown.
 */
export const server: Factory<ServerOptions, Balancer> = factory(
  Balancer.prototype,
  (options: ServerOptions) => new Balancer(serverSettings(options)),
);

/**
 * Announces a target to its balancers, or several, with or without `new`. If options are wrong, throws an error that lists every problem.
 * It tries for ever: neither the balancer nor the announced server need run yet.
 */
export const client: Factory<ClientOptions, Reporter> = factory(
  Reporter.prototype,
  (options: ClientOptions) => new Reporter(clientSettings(options)),
);

export default { server, client };

/** What the factory makes is an `instanceof` the factory. */
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
