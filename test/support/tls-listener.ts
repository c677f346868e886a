/** A listener with TLS in front of an engine that is none, and all of it ended after the test. */
import assert from "node:assert/strict";
import { after } from "node:test";
import { type Refusal, RefusalCounters } from "../../src/edge/refusals.ts";
import type { EdgeRules } from "../../src/edge/rules.ts";
import type { TcpAddress } from "../../src/net/runtime.ts";
import type { Pool } from "../../src/pool/pool.ts";
import { type TlsListener, TlsListeners } from "../../src/tls/listeners.ts";
import type { ListenerTls, TlsService } from "../../src/tls/settings.ts";
import { certificateFiles } from "./certificates.ts";
import { removeFolders } from "./folder.ts";
import { echo, endServers } from "./peers.ts";
import { LOOPBACK } from "./ports.ts";
import { type HandedOver, TlsEngine } from "./tls-engine.ts";

after(endServers);
after(removeFolders);

export interface TlsSetupOptions {
  readonly tls?: Partial<ListenerTls>;
  readonly rules?: Partial<EdgeRules>;
  readonly pools?: readonly Pool[];
  /** By default all of them. */
  readonly terminates?: readonly boolean[];
  readonly threads?: number;
  /** What becomes of a client that the engine gets; by default an echo. */
  readonly handler?: (client: HandedOver) => Promise<void>;
  /** Warnings that the test expects are its own matter. */
  readonly mayWarn?: boolean;
}

export interface TlsSetup {
  readonly port: number;
  readonly engine: TlsEngine;
  readonly listeners: TlsListeners;
  readonly listener: TlsListener;
  readonly warnings: readonly string[];
  refused(reason: Refusal): number;
  /** With other settings. */
  serve(options: TlsSetupOptions): Promise<void>;
}

export async function withTls(options: TlsSetupOptions, body: (setup: TlsSetup) => Promise<void>): Promise<void> {
  const engine = new TlsEngine(options.handler ?? (({ connection }) => echo(connection)));
  const warnings: string[] = [];
  const onWarning = (message: string, cause?: unknown): void => void warnings.push(`${message} ${cause ?? ""}`);
  const listeners = new TlsListeners({ engine: engine.engine, threads: options.threads ?? 2, onWarning });
  const counters = new RefusalCounters();
  try {
    const listener = await listeners.bind({ host: LOOPBACK, port: 0 }, { keepalive: 0 });
    const serve = (wanted: TlsSetupOptions) => listener.serve(serviceOf(wanted, counters));
    await serve(options);
    const { port } = listener.address as TcpAddress;
    const refused = (reason: Refusal): number => counters.read()[reason];
    await body({ port, engine, listener, listeners, refused, serve, warnings });
    await listener.close();
  } finally {
    await listeners.close(1_000);
  }
  if (options.mayWarn !== true) assert.deepEqual(warnings, []);
}

function serviceOf({ pools = [], rules, terminates, tls }: TlsSetupOptions, counters: RefusalCounters): TlsService {
  const all: EdgeRules = {
    senders: null,
    secret: null,
    allow: null,
    deny: null,
    limits: null,
    refuse: { type: "reset" },
    prereadTimeout: 5_000,
    routes: [{ names: [], alpn: [] }],
    counters: counters.buffer,
    ...rules,
  };
  return {
    rules: all,
    pools,
    terminates: terminates ?? all.routes.map(() => true),
    tls: {
      certificates: [certificateFiles],
      clientCa: null,
      client: "none",
      min: "1.2",
      alpn: [],
      tickets: true,
      handshake: 10_000,
      ...tls,
    },
  };
}
