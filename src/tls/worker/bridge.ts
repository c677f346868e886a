/** A thread's part of the bridge, where engines ask for targets that are spoken to through TLS. */
import { timingSafeEqual } from "node:crypto";
import { toNetError } from "../../net/net-error.ts";
import { runtime } from "../../net/node/node.ts";
import { connectTls } from "../../net/node/target-tls.ts";
import type { Address, Connection, Listener } from "../../net/runtime.ts";
import { formatAddress } from "../../util/address.ts";
import { joined } from "../../util/bytes.ts";
import { systemClock } from "../../util/clock.ts";
import { messageOf } from "../../util/errors.ts";
import { OF_STRANGERS, RateLimitedLog } from "../../util/rate-limited-log.ts";
import {
  BRIDGE_READY,
  type BridgeRequest,
  MAX_REQUEST_BYTES,
  readRequest,
  refusalByte,
  secretOf,
} from "../bridge-protocol.ts";
import type { LoadedTargetTls, Order } from "../orders.ts";
import type { Connections } from "./connections.ts";
import { resetAfterDelivery } from "./delivery.ts";

/** ms for a request: it comes over loopback, in one piece. */
const REQUEST_MS = 5_000;
/** Connections whose request has not come. Anybody on this machine can open some: of more, the oldest gives way to the newcomer. */
export const MOST_ASKING = 1_024;

export class Bridge {
  readonly #connections: Connections;
  readonly #warn: (message: string, cause?: unknown) => void;
  /** Engines hear of a code alone, and an operator has to know what is wrong with a certificate. */
  readonly #failures: RateLimitedLog<[message: string]>;
  readonly #terms = new Map<number, LoadedTargetTls>();
  /** Those whose request has not come, in the order in which they came. */
  readonly #asking = new Set<Connection>();
  #listener: Listener | null = null;
  #secret: Uint8Array = new Uint8Array(0);

  constructor(connections: Connections, warn: (message: string, cause?: unknown) => void) {
    this.#connections = connections;
    this.#warn = warn;
    this.#failures = new RateLimitedLog(OF_STRANGERS, systemClock, warn);
  }

  /** Rejects with NetError. */
  async open({ port, secret, shared }: Extract<Order, { readonly type: "bridge" }>): Promise<Address> {
    this.#secret = secret;
    this.#listener ??= await runtime.listen(
      { host: "127.0.0.1", port, sharePort: shared, keepAlive: 0 },
      (connection) => this.#accept(connection),
      (error) => this.#warn("the bridge to targets with TLS cannot accept a connection", error),
    );
    return this.#listener.address;
  }

  /** null: nobody speaks like that any more. */
  setTerms(terms: number, tls: LoadedTargetTls | null): void {
    if (tls === null) this.#terms.delete(terms);
    else this.#terms.set(terms, tls);
  }

  #accept(connection: Connection): void {
    this.#connections.add(connection);
    this.#serve(connection)
      .catch((error: unknown) => {
        this.#warn("a connection to a target with TLS was dropped by a fault of the balancer", error);
        connection.abort();
      })
      .finally(() => this.#connections.delete(connection));
  }

  async #serve(engine: Connection): Promise<void> {
    const request = await this.#request(engine);
    const tls = request === null ? undefined : this.#terms.get(request.terms);
    if (request === null || tls === undefined) return engine.abort();
    const target = await this.#open(engine, request, tls);
    if (target === null) return;
    const { failure } = await runtime.relay(engine, target, { aToB: 0, bToA: 0 });
    if (failure !== undefined) await resetAfterDelivery(failure.side === "a" ? target : engine);
  }

  /** null: it is none of ours, or was given up. What follows it is left to be read. */
  async #request(engine: Connection): Promise<BridgeRequest | null> {
    if (this.#asking.size >= MOST_ASKING) this.#giveUpOldest();
    this.#asking.add(engine);
    const timer = setTimeout(() => engine.abort(), REQUEST_MS);
    let bytes: Uint8Array = new Uint8Array(0);
    try {
      for (;;) {
        const more = await engine.read();
        if (more === null || bytes.length > MAX_REQUEST_BYTES) return null;
        bytes = joined([bytes, more]); // a copy: what was read is good until the next read
        const secret = secretOf(bytes);
        if (secret !== null && !timingSafeEqual(secret, this.#secret)) return null;
        const request = readRequest(bytes);
        if (request === "bad") return null;
        if (request === null) continue;
        engine.unread(bytes.subarray(request.length));
        return request;
      }
    } catch (error) {
      void error; // of read() alone: the engine has given it up
      return null;
    } finally {
      clearTimeout(timer);
      this.#asking.delete(engine);
    }
  }

  #giveUpOldest(): void {
    const [oldest] = this.#asking;
    this.#asking.delete(oldest!);
    oldest!.abort();
  }

  /** null: there is none, and the engine was told. */
  async #open(engine: Connection, request: BridgeRequest, tls: LoadedTargetTls): Promise<Connection | null> {
    const controller = new AbortController();
    let over = false;
    // A FIN of the client may have come along; that it was given up shows as a reset.
    engine.readable().catch(() => {
      if (!over) controller.abort();
    });
    try {
      const { preface, target } = request;
      const opened = await connectTls({
        to: target,
        preface,
        tls,
        keepAlive: tls.keepalive,
        signal: controller.signal,
      });
      over = true;
      await engine.write(Uint8Array.of(BRIDGE_READY)).catch((error: unknown) => {
        opened.abort();
        throw error;
      });
      return opened;
    } catch (error) {
      over = true;
      const { code } = toNetError(error, "");
      if (code === "ETLS" || code === "ENOTLS") this.#tell(request.target, error);
      await engine.write(Uint8Array.of(refusalByte(code))).catch(() => undefined);
      await engine.close();
      return null;
    }
  }

  /** Once a minute for each target and reason. */
  #tell(target: Address, error: unknown): void {
    const message = `TLS was not agreed on with the target at ${formatAddress(target)}: ${messageOf(error)}`;
    this.#failures.tell(message, message);
  }
}
