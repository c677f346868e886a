/** What the main thread tells TLS threads, and what they answer. All of it can be posted. */
import type { EdgeRules } from "../edge/rules.ts";
import type { NetCode } from "../net/net-error.ts";
import type { ServerCertificate } from "../net/node/termination.ts";
import type { Address, ListenAddress, TlsCertificate } from "../net/runtime.ts";

/** What has been read for a ListenerTls. */
export interface LoadedListenerTls {
  readonly certificates: readonly LoadedCertificate[];
  /** PEM. */
  readonly clientCa: string | null;
  readonly requireClient: boolean;
  readonly min: "1.2" | "1.3";
  readonly alpn: readonly string[];
  /** null: no tickets. */
  readonly ticketKeys: Uint8Array | null;
  /** ms */
  readonly handshake: number;
}

export interface LoadedCertificate extends ServerCertificate {
  /** Where it was read. */
  readonly file: string;
  /** DNS names that it is for: lower-case, "*." at the start stands for one label. */
  readonly names: readonly string[];
  /** Unix time in ms until when it is valid. */
  readonly notAfter: number;
}

/** What has been read for a TargetTls. */
export interface LoadedTargetTls {
  readonly ca: string | null;
  readonly verify: boolean;
  readonly name: string | null;
  readonly certificate: TlsCertificate | null;
  readonly alpn: readonly string[];
  /** ms, as ServedPool.keepalive. */
  readonly keepalive: number;
}

/** The engine's listeners for it, on loopback, which are alike, and what they ask for. */
export interface EngineDoor {
  readonly ports: readonly number[];
  readonly secret: Uint8Array;
  /** By the numbers of the routes: what the engine calls each, see DoorRoutes. */
  readonly routes: readonly number[];
}

/** What a listener serves, in a thread. */
export interface ThreadService {
  readonly rules: EdgeRules;
  /** By the numbers of the routes. */
  readonly terminates: readonly boolean[];
  readonly tls: LoadedListenerTls;
  readonly engine: EngineDoor;
  /** Of TlsCounters. */
  readonly counters: SharedArrayBuffer;
}

export type Order =
  | {
      readonly type: "listen";
      readonly listener: number;
      readonly where: ListenAddress;
      /** Other threads listen there as well. */
      readonly shared: boolean;
      /** ms, as BindOptions. */
      readonly keepalive: number;
    }
  | { readonly type: "change"; readonly listener: number; readonly where: ListenAddress; readonly keepalive: number }
  | { readonly type: "serve"; readonly listener: number; readonly service: ThreadService }
  /** It accepts no more, and those who are not served yet are reset. */
  | { readonly type: "stop"; readonly listener: number }
  | { readonly type: "bridge"; readonly port: number; readonly shared: boolean; readonly secret: Uint8Array }
  | { readonly type: "terms"; readonly terms: number; readonly tls: LoadedTargetTls | null }
  /** Answered when no connection is left, or `timeout` ms have passed. */
  | { readonly type: "finish"; readonly timeout: number };

/** What a thread begins with. */
export interface ThreadData {
  /** From 0. */
  readonly index: number;
  /** How many there are. */
  readonly threads: number;
  /** Clients that it may have. */
  readonly clients: number;
}

export interface PostedOrder {
  readonly serial: number;
  readonly order: Order;
}

export type ThreadMessage =
  | { readonly type: "running" }
  | { readonly type: "done"; readonly serial: number; readonly address: Address | null }
  | { readonly type: "failed"; readonly serial: number; readonly code: NetCode; readonly message: string }
  | { readonly type: "warning"; readonly message: string };
