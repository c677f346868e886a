/** Where engines are tried: the engine of a kind, and what its clients and targets have. */
import { createServer } from "node:net";
import { join } from "node:path";
import { runtime } from "#runtime";
import type { EngineFactory } from "../../src/engines/engine.ts";
import type { Address, Runtime } from "../../src/net/runtime.ts";
import { type BlackHole, openBlackHole } from "../support/black-hole.ts";
import { temporaryFolder } from "../support/folder.ts";
import { hasIPv6 } from "../support/ports.ts";

export interface UnixServer {
  readonly address: Address;
  close(): Promise<void>;
}

export interface Host {
  readonly engine: EngineFactory;
  /** Its sockets; the suite asks its `can`. */
  readonly runtime: Runtime;
  /** There is ::1. */
  readonly ipv6: boolean;
  /** An address of loopback that never answers. */
  blackHole(): Promise<Pick<BlackHole, "address" | "close">>;
  /** Gives paths where an engine can listen on a Unix socket; null where it cannot. */
  readonly socketPath: (() => string) | null;
  /** Says `text` to everyone at a Unix socket. */
  unixServer(text: string): Promise<UnixServer>;
}

/** The machine and the runtime that the test runs on. */
export function thisHost(engine: EngineFactory): Host {
  const socketPath = runtime.can.unix ? () => join(temporaryFolder("engine"), "listener.sock") : null;
  return { engine, runtime, ipv6: hasIPv6, blackHole: () => openBlackHole(), socketPath, unixServer };
}

async function unixServer(text: string): Promise<UnixServer> {
  const path = join(temporaryFolder("engine"), "target.sock");
  const server = createServer((socket) => socket.end(text));
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return {
    address: { path },
    async close() {
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
