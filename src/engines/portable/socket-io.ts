/** What the lifecycle asks for, over the runtime's sockets: each operation is started here, and its outcome is one event. */

import { headerForTarget, proxyForTarget } from "../../edge/proxy-header/send.ts";
import { type NetCode, type NetError, netCodeOf } from "../../net/net-error.ts";
import type { Connection, Runtime } from "../../net/runtime.ts";
import type { Pool } from "../../pool/pool.ts";
import { answerByHandler, answerText } from "../../proxy/answer.ts";
import { connectTimedOut } from "../../proxy/connect-failure.ts";
import type { Io } from "../../proxy/io.ts";
import type { Lifecycle } from "../../proxy/lifecycle.ts";
import { LOOK_MS } from "../../proxy/observer.ts";
import {
  BY_CLIENT,
  BY_TARGET,
  CAUSES,
  FIN,
  outcome,
  RESET,
  UNDECIDED,
  type UnavailableReason,
} from "../../proxy/outcome.ts";
import { CONNECTING, ENDED, isWaiting } from "../../proxy/states.ts";
import { messageFor, UnavailableError } from "../../proxy/unavailable.ts";
import { ClientSocket } from "../../proxy/unavailable-socket.ts";
import type { Clock } from "../../util/clock.ts";
import { messageOf } from "../../util/errors.ts";
import type { WarningLog } from "../../util/rate-limited-log.ts";
import type { ServedPool } from "../engine.ts";
import type { AbortControllerPool } from "./abort-controller-pool.ts";
import type { ProxiedConnection } from "./connection.ts";
import { reach } from "./reach.ts";
import { Sources } from "./sources.ts";
import { Timeouts } from "./timeouts.ts";

/**
 * ms that the kernel gets, after the last byte moved, to deliver what it was given, where the runtime does not tell when it has:
 * a reset would drop it. Longer than any reader needs who reads; one who pauses for longer loses what our kernel holds for him.
 */
const KERNEL_MS = 1_000;

export type PortableLifecycle = Lifecycle<ProxiedConnection, unknown>;

export interface SocketIoParts {
  readonly runtime: Runtime;
  readonly clock: Clock;
  readonly warnings: WarningLog;
  readonly controllers: AbortControllerPool;
  /** As operators know it. */
  readonly idOf: (c: ProxiedConnection) => string;
  readonly onEnded: (c: ProxiedConnection) => void;
  /** After every event that a socket brought. */
  readonly onTurn: () => void;
}

export class SocketIo implements Io<ProxiedConnection, unknown> {
  lifecycle!: PortableLifecycle;
  /** When to look at what the connections show of the targets. */
  lookAt = Number.POSITIVE_INFINITY;
  readonly #parts: SocketIoParts;
  readonly #pool: Pool;
  #served: ServedPool;
  /** As `#served.sockets` says. */
  #sources: Sources | null;
  readonly #timeouts: Timeouts;
  readonly #kernelMs: number;
  /** Operations that have not settled: they may hold a descriptor after their connection's end. */
  pending = 0;

  constructor(served: ServedPool, parts: SocketIoParts) {
    this.#parts = parts;
    this.#pool = served.pool;
    this.#served = served;
    this.#sources = Sources.of(served.sockets);
    this.#timeouts = new Timeouts(
      served,
      (c) => this.lifecycle.timedOut(c),
      (c) => this.#checkRelay(c),
    );
    // What is closed without a reset is delivered by the kernel.
    const { reset, seesDelivery } = parts.runtime.can;
    this.#kernelMs = reset && !seesDelivery ? KERNEL_MS : 0;
  }

  /** The same pool with other settings. */
  change(served: ServedPool): void {
    this.#served = served;
    this.#sources = Sources.of(served.sockets);
    this.#timeouts.change(served);
  }

  expireTimeouts(now: number): void {
    this.#timeouts.expire(now);
  }

  dial(c: ProxiedConnection, row: number): null {
    const controller = this.#parts.controllers.take();
    c.dialing = controller;
    this.#watchClient(c);
    this.#run(c, this.#dial(c, row, controller));
    return null;
  }

  undial(c: ProxiedConnection): void {
    c.dialing?.abort();
    c.dialing = null;
  }

  relay(c: ProxiedConnection): void {
    this.#timeouts.arm(c, this.now());
    this.#run(c, this.#relay(c, c.target!));
  }

  delivered(c: ProxiedConnection): boolean {
    const { unsent } = c.survivor!;
    if (unsent !== c.unsent) c.movedAt = this.now();
    c.unsent = unsent;
    return unsent === 0 && this.now() - c.movedAt >= this.#kernelMs;
  }

  answer(c: ProxiedConnection, reason: number): void {
    this.#run(c, this.#answer(c, CAUSES[reason] as UnavailableReason));
  }

  close(c: ProxiedConnection, reset: boolean): void {
    this.undial(c);
    if (c.socket !== null) c.socket.destroy();
    else if (reset) c.client.abort();
    if (reset) c.target?.abort();
    // Without a reset both were closed by what moved their bytes: relay() and the answer end what they own.
  }

  ended(c: ProxiedConnection): void {
    this.#parts.onEnded(c);
  }

  /** The turn that follows every event looks. */
  roomFreed(): void {}

  lookSoon(): void {
    this.lookAt = this.now() + LOOK_MS;
  }

  queued(c: ProxiedConnection): void {
    this.#watchClient(c);
    if (c.client.atEnd) this.lifecycle.clientSilent(c); // nothing has been read from it yet
  }

  arm(c: ProxiedConnection, due: number): void {
    this.#timeouts.arm(c, this.now(), due);
  }

  disarm(c: ProxiedConnection): void {
    this.#timeouts.disarm(c);
  }

  timeoutFailure(): NetError {
    return connectTimedOut(this.#served);
  }

  codeOf(failure: unknown): NetCode {
    return netCodeOf(failure);
  }

  now(): number {
    return this.#parts.clock.now();
  }

  warn(kind: string, message: string, cause: unknown): void {
    this.#parts.warnings.tell(kind, message, cause);
  }

  /** Operations report what goes wrong as events. What they throw is a fault of the engine, and the end of their connection. */
  #run(c: ProxiedConnection, operation: Promise<void>): void {
    this.pending++;
    operation
      .catch((error: unknown) => {
        this.warn("engine", `a connection was dropped by a fault of the engine: ${messageOf(error)}`, error);
        if (c.state !== ENDED) this.lifecycle.abort(c);
      })
      .then(() => {
        this.pending--;
        this.#parts.onTurn();
      });
  }

  async #dial(c: ProxiedConnection, row: number, controller: AbortController): Promise<void> {
    let target: Connection;
    try {
      target = await this.#connect(c, row, controller.signal);
    } catch (error) {
      if (c.dialing !== controller) return; // given up: nobody waits for the outcome
      c.dialing = null;
      this.lifecycle.connectFailed(c, error);
      return;
    } finally {
      this.#parts.controllers.giveBack(controller);
    }
    if (c.dialing !== controller) {
      target.abort();
      return;
    }
    c.dialing = null;
    c.target = target;
    this.lifecycle.connected(c);
  }

  #connect(c: ProxiedConnection, row: number, signal: AbortSignal): Promise<Connection> {
    const { runtime } = this.#parts;
    const to = this.#pool.address(row);
    const { keepalive, targetTls } = this.#served;
    const preface = this.#preface(c, row);
    const sources = this.#sources;
    if (preface === null && targetTls === undefined && sources === null)
      return runtime.connect({ to, keepAlive: keepalive, signal });
    return reach(runtime, { to, keepalive, sources, bridge: targetTls, preface, signal });
  }

  /** What its target is told of the client first. */
  #preface(c: ProxiedConnection, row: number): Uint8Array | null {
    const sendProxy = proxyForTarget(this.#served.sendProxy, this.#pool.askedProxy(row));
    if (sendProxy === undefined) return null;
    const facts = c.admission?.facts ?? null;
    const destination = facts?.destination ?? c.client.local;
    return headerForTarget(sendProxy, { client: c.remote, destination, facts, id: this.#parts.idOf(c) });
  }

  async #relay(c: ProxiedConnection, target: Connection): Promise<void> {
    const { first, failure } = await this.#parts.runtime.relay(c.client, target, c);
    if (c.state === ENDED) return; // aborted: it has its outcome
    const by = first === "a" ? BY_CLIENT : BY_TARGET;
    if (failure === undefined) {
      this.lifecycle.end(c, outcome(by, FIN), false);
    } else {
      c.survivor = failure.side === "a" ? target : c.client;
      this.noteBytes(c);
      this.lifecycle.endLost(c, outcome(by, RESET));
    }
  }

  async #answer(c: ProxiedConnection, reason: UnavailableReason): Promise<void> {
    const { unavailable } = this.#served;
    const answered = () => {
      if (c.state !== ENDED) this.lifecycle.answered(c);
    };
    if (unavailable === null) {
      await c.client.close();
    } else if (typeof unavailable === "function") {
      const error = new UnavailableError(reason, messageFor(reason), c.failure ?? undefined);
      c.socket = new ClientSocket(c.client);
      await answerByHandler(c.socket, unavailable, error, answered, (message, cause) =>
        this.warn("handler", message, cause),
      );
      c.aToB = c.socket.bytesRead;
      c.bToA = c.socket.bytesWritten;
    } else {
      const written = () => {
        c.bToA = unavailable.length;
        c.movedAt = this.now();
        answered();
      };
      await answerText(c.client, unavailable, written).catch(() => c.client.abort());
    }
    if (c.state !== ENDED) this.lifecycle.end(c, UNDECIDED, false);
  }

  /** Tells the pool what a long connection has moved, and whether it has been idle for too long. */
  #checkRelay(c: ProxiedConnection): void {
    this.noteBytes(c);
    if (this.#served.idleTimeout > 0) this.lifecycle.timedOut(c);
    else this.#timeouts.arm(c, this.now());
  }

  /** Tells the pool of what a relay has moved, and when it did: now, as far as this engine knows. */
  noteBytes(c: ProxiedConnection): void {
    if (this.lifecycle.reportBytes(c)) c.movedAt = this.now();
  }

  /** Notices a client that is reset before it is served. A FIN does not count as leaving: the client may have said all it has to say. */
  #watchClient(c: ProxiedConnection): void {
    if (c.watched) return;
    c.watched = true;
    c.client.readable().then(
      () => {
        if (isWaiting(c.state) && c.client.atEnd) this.lifecycle.clientSilent(c);
      },
      () => {
        if (!isWaiting(c.state) && c.state !== CONNECTING) return;
        this.lifecycle.clientReset(c);
        this.#parts.onTurn();
      },
    );
  }
}
