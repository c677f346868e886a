/**
 * What a health check is: a question to a server, asked again and again, by the balancer of a target or by a reporter of the server
 * beside it. A kind of check is a file here and a line in `kinds.ts`; how it is written is in config/check-kind.ts.
 */
import type { Address, Connection, Runtime } from "../../net/runtime.ts";
import { formatAddress } from "../../util/address.ts";
import type { Clock } from "../../util/clock.ts";
import type { AgentWord } from "./agent-word.ts";

/** When it is asked, and what several answers come to. */
export interface CheckPace {
  /** ms from one start to the next, while nothing changes. */
  readonly interval: number;
  /** ms that one may take. */
  readonly timeout: number;
  /** Passes in a row after which a server that was out is in again. */
  readonly rise: number;
  /** Failures in a row after which one that was in is out. */
  readonly fall: number;
}

/** Whom it asks, where that is not the server itself. */
export interface CheckPlace {
  /** A host name or an IP literal. */
  readonly address: string | null;
  readonly port: number | null;
}

/** TLS on the way; `verify`: the certificate has to be valid for the name. */
export interface CheckTls {
  readonly verify: boolean;
}

/** How it speaks to the server, before it asks anything. */
export interface CheckWay {
  /** null: it speaks no TLS. */
  readonly tls: CheckTls | null;
  /** The version of the PROXY header that goes first, which says that the check speaks for itself; null: there is none. Not with TLS. */
  readonly proxy: 1 | 2 | null;
}

export interface TcpAsk extends CheckWay {
  readonly kind: "tcp";
}

/** Both may be empty, but not at once: what a server says first may be all. */
export interface SendExpectAsk extends CheckWay {
  readonly kind: "send-expect";
  readonly send: Uint8Array;
  /** Has to be found in what is answered. */
  readonly expect: Uint8Array;
}

export interface HttpAsk extends CheckWay {
  readonly kind: "http";
  readonly method: string;
  /** With what follows a `?`. */
  readonly path: string;
  /** The header, and the name of a certificate; null: the address that is asked. */
  readonly host: string | null;
  /** Any of them will do, each from the first to the second. */
  readonly status: readonly (readonly [from: number, to: number])[];
  /** Text that the body has to contain. */
  readonly body: string | null;
}

export interface ExecAsk {
  readonly kind: "exec";
  /** The program and its arguments. No shell reads them. */
  readonly command: readonly string[];
}

/** HAProxy's agent protocol: see agent-word.ts. */
export interface AgentAsk {
  readonly kind: "agent";
  readonly send: Uint8Array;
}

/** What one kind of check asks. */
export type Ask = TcpAsk | SendExpectAsk | HttpAsk | ExecAsk | AgentAsk;
/** What an operator can write. */
export type Check = (TcpAsk | SendExpectAsk | HttpAsk | ExecAsk) & CheckPlace & CheckPace;
/** The same for an agent. */
export type AgentCheck = AgentAsk & CheckPlace & CheckPace;
export type AnyCheck = Check | AgentCheck;

/** What one asking has come to. */
export interface CheckResult {
  /** null: the one who asks could not, for a lack of his own, and nothing is known. */
  readonly ok: boolean | null;
  /** For people, a part of a sentence: `HTTP 503`. */
  readonly reason: string;
  /** How long it took. */
  readonly ms: number;
  /** Of an agent that has answered. */
  readonly word?: AgentWord;
}

/** What a kind of check finds out. It throws what the net seam throws, which the checker words. */
export type Answer = Omit<CheckResult, "ms" | "ok"> & { readonly ok: boolean };

export interface CheckContext {
  readonly runtime: Runtime;
  readonly clock: Clock;
  /** Its time is over, or nobody waits for the outcome: nothing of it may be left. */
  readonly signal: AbortSignal;
  /** Takes over a connection on which nothing is to be said any more, and leaves without upsetting the server. */
  readonly leave: (connection: Connection) => void;
}

/** One kind of check. `to` is whom it asks, its own place and the target's address put together. */
export interface HealthCheck<A extends Ask> {
  readonly kind: A["kind"];
  run(ask: A, to: Address, context: CheckContext): Promise<Answer>;
}

/** For people: `http:/healthz`, `http://10.0.0.9:8008/primary`, `exec:/usr/bin/pg_isready`. */
export function checkName(check: AnyCheck): string {
  switch (check.kind) {
    case "tcp":
    case "send-expect":
      return check.port === null ? check.kind : `${check.kind} at port ${check.port}`;
    case "http": {
      const { tls, address, port, path } = check;
      const scheme = tls ? "https" : "http";
      if (address !== null)
        return `${scheme}://${formatAddress({ host: address, port: port ?? (tls ? 443 : 80) })}${path}`;
      return port === null ? `${scheme}:${path}` : `${scheme}:${path} at port ${port}`;
    }
    case "exec":
      return `exec:${check.command[0]}`;
    case "agent":
      return `agent at ${check.address === null ? "port " : `${check.address}:`}${check.port}`;
  }
}

/** Whom a check of a server at `server` asks. */
export function placeOf({ address, port }: CheckPlace, server: Address): Address {
  if ("path" in server) return address !== null && port !== null ? { host: address, port } : server;
  return { host: address ?? server.host, port: port ?? server.port };
}

/** Bytes are in no JSON. One text for each check object: there may be ten thousand servers of one. */
const texts = new WeakMap<AnyCheck, string>();

export function checkKey(check: AnyCheck): string {
  const known = texts.get(check);
  if (known !== undefined) return known;
  const text = JSON.stringify(check, (_, value) =>
    value instanceof Uint8Array ? Buffer.from(value).toString("hex") : value,
  );
  texts.set(check, text);
  return text;
}
