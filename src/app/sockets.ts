/**
 * The sockets where clients come: the engine's own or, where clients speak TLS, those of threads in front of it. A socket is known by its
 * address, not by its listener's name: one that is wanted before and after stays open.
 */
import { isDeepStrictEqual } from "node:util";
import { type Endpoint, overlap } from "../config/document/endpoints.ts";
import { formatListen } from "../config/listen-kind.ts";
import type { ListenerSettings } from "../config/settings.ts";
import { listenSockets } from "../config/socket-settings.ts";
import type { EdgeRules } from "../edge/rules.ts";
import type { BindOptions, Engine, EngineListener } from "../engines/engine.ts";
import { NetError } from "../net/net-error.ts";
import type { Address, ListenAddress } from "../net/runtime.ts";
import type { Pool } from "../pool/pool.ts";
import type { TlsListener, TlsListeners } from "../tls/listeners.ts";
import type { ListenerTls } from "../tls/settings.ts";
import { codeOf, messageOf } from "../util/errors.ts";

type Endpoints = ReadonlyMap<string, Endpoint>;

type Bound =
  | { readonly isTls: false; readonly listener: EngineListener }
  | { readonly isTls: true; readonly listener: TlsListener };

/** By their endpoints' keys. */
export type PreparedSockets = ReadonlyMap<string, Bound>;

/** What clients come to who come there. */
export interface Service {
  readonly rules: EdgeRules | null;
  /** By the numbers of the routes. */
  readonly pools: readonly Pool[];
}

interface Socket {
  readonly endpoint: Endpoint;
  readonly bound: Bound;
  readonly service: Service;
}

/** What is open, as it is shown. */
export interface OpenSocket extends Service {
  readonly endpoint: Endpoint;
  readonly address: Address;
  /** null: clients speak no TLS there. */
  readonly tls: TlsListener | null;
}

export interface ChangedSockets {
  readonly gone: readonly { close(): Promise<void> }[];
  /** To be called once: clients come to what is served now. They settle when nobody comes to what was there before. */
  serve(): Promise<void>[];
}

export class Sockets {
  readonly #engine: Engine;
  readonly #tls: Pick<TlsListeners, "bind" | "check">;
  #open: ReadonlyMap<string, Socket> = new Map();

  constructor(engine: Engine, tls: Pick<TlsListeners, "bind" | "check">) {
    this.#engine = engine;
    this.#tls = tls;
  }

  /** In the order of the document. */
  get open(): OpenSocket[] {
    return [...this.#open.values()].map(({ endpoint, bound, service }) => ({
      ...service,
      endpoint,
      address: bound.listener.address,
      tls: bound.isTls ? bound.listener : null,
    }));
  }

  /** Binds those that are new. Rejects with NetError, and nothing has changed then. `patience`: see BindOptions. */
  async prepare(wanted: Endpoints, patience: number | undefined): Promise<PreparedSockets> {
    const bound = new Map<string, Bound>();
    try {
      for (const [key, endpoint] of wanted) {
        const { tls } = endpoint.settings;
        if (tls !== "off") this.#tls.check(tls);
        const open = this.#open.get(key);
        if (open === undefined) bound.set(key, await this.#bind(endpoint, patience));
        else if (open.bound.isTls !== isTls(endpoint.settings)) throw cannotTurn(endpoint);
      }
    } catch (error) {
      await this.drop(bound);
      throw error;
    }
    return bound;
  }

  /** Takes back what prepare() has bound. */
  async drop(prepared: PreparedSockets): Promise<void> {
    await Promise.all([...prepared.values()].map(({ listener }) => listener.close()));
  }

  /** Those that are there before and after. Throws NetError; `undo` then takes back what has changed. */
  change(wanted: Endpoints, undo: (() => void)[]): void {
    for (const [key, { address, settings }] of wanted) {
      const open = this.#open.get(key);
      if (open === undefined) continue;
      const { endpoint, bound } = open;
      const [last, next] = [bindOptionsOf(endpoint.settings), bindOptionsOf(settings)];
      if (isDeepStrictEqual(last, next) && isDeepStrictEqual(endpoint.address, address)) continue;
      bound.listener.change(address, next);
      undo.push(() => bound.listener.change(endpoint.address, last));
    }
  }

  /** Nothing is served otherwise yet. */
  commit(wanted: Endpoints, prepared: PreparedSockets, serviceOf: (endpoint: Endpoint) => Service): ChangedSockets {
    const former = this.#open;
    const open = new Map<string, Socket>();
    for (const [key, endpoint] of wanted) {
      const bound = former.get(key)?.bound ?? prepared.get(key)!;
      open.set(key, { endpoint, bound, service: serviceOf(endpoint) });
    }
    this.#open = open;
    const others = [...open].filter(([key, socket]) => !isServedAlike(former.get(key), socket));
    const gone = [...former].filter(([key]) => !wanted.has(key));
    return {
      gone: gone.map(([, { bound }]) => bound.listener),
      serve: () => others.map(([, socket]) => serve(socket)),
    };
  }

  /** Those with TLS: the others are the engine's, which closes them with itself. Nothing changes any more. */
  async close(): Promise<void> {
    const own = [...this.#open.values()].filter(({ bound }) => bound.isTls);
    await Promise.all(own.map(({ bound }) => bound.listener.close()));
  }

  async #bind({ address, settings }: Endpoint, patience: number | undefined): Promise<Bound> {
    const options = { ...bindOptionsOf(settings), patience };
    try {
      if (isTls(settings)) return { isTls: true, listener: await this.#tls.bind(address, options) };
      return { isTls: false, listener: await this.#engine.bind(address, options) };
    } catch (error) {
      const own = codeOf(error) === "EADDRINUSE" && this.#sharing(address);
      if (!own) throw error;
      const text = `${messageOf(error)}, by listener ${own.listener} of this balancer: give that up with a reload of its own first`;
      throw new NetError("EADDRINUSE", text, error);
    }
  }

  /** The one of ours that has that port at another address, of which one is every interface. */
  #sharing(address: ListenAddress): Endpoint | undefined {
    if (!("port" in address)) return undefined;
    const isSharing = (other: ListenAddress) =>
      "port" in other && other.port === address.port && overlap(other, address);
    return [...this.#open.values()].map(({ endpoint }) => endpoint).find((endpoint) => isSharing(endpoint.address));
  }
}

function serve({ endpoint, bound, service }: Socket): Promise<void> {
  const { rules, pools } = service;
  const { routes, tls } = endpoint.settings;
  if (!bound.isTls) return bound.listener.serve(rules === null ? pools[0]! : { rules, pools });
  const terminates = routes.map((route) => route.tls === "terminate");
  return bound.listener.serve({ rules: rules!, pools, terminates, tls: tls as ListenerTls }); // with TLS there are rules
}

function isServedAlike(one: Socket | undefined, other: Socket): boolean {
  if (one === undefined || one.service.rules !== other.service.rules) return false;
  const { pools } = other.service;
  if (one.service.pools.length !== pools.length || pools.some((pool, n) => pool !== one.service.pools[n])) return false;
  const [last, next] = [one.endpoint.settings, other.endpoint.settings];
  const modes = (settings: ListenerSettings) => settings.routes.map(({ tls }) => tls);
  return isDeepStrictEqual(last.tls, next.tls) && isDeepStrictEqual(modes(last), modes(next));
}

function bindOptionsOf(settings: ListenerSettings): BindOptions {
  return { keepalive: settings.keepalive, sockets: listenSockets(settings) };
}

function isTls({ tls }: ListenerSettings): boolean {
  return tls !== "off";
}

/** Other threads listen there then, and two sockets cannot have the port at the same time. */
function cannotTurn({ address, listener, settings }: Endpoint): NetError {
  const what = isTls(settings) ? "begin to speak TLS" : "cease to speak TLS";
  const text = `listener ${listener} cannot ${what} at ${formatListen(address)} while it is open: give that address up with a reload of its own first`;
  return new NetError("EADDRINUSE", text);
}
