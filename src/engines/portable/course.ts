import { NetError } from "../../net/net-error.ts";
import type { Connection, Runtime } from "../../net/runtime.ts";
import type { Pool } from "../../pool/pool.ts";
import { answerByHandler, answerText } from "../../proxy/answer.ts";
import type { UnavailableReason } from "../../proxy/outcome.ts";
import { ANSWER_MS, LINGER_MS, messageFor, UnavailableError } from "../../proxy/unavailable.ts";
import { ClientSocket } from "../../proxy/unavailable-socket.ts";
import type { Clock } from "../../util/clock.ts";
import { codeOf } from "../../util/errors.ts";
import type { Warnings } from "../../util/rate-limited-log.ts";
import type { EngineOptions } from "../engine.ts";
import { Aborters } from "./abort-controller-pool.ts";
import { Admission } from "./admission.ts";
import { CLIENT_LOST, type Ending, IDLE, type Life, SHUTDOWN, type Turn } from "./life.ts";
import { SWEEP_MS } from "./ticker.ts";
import { DueList } from "./timeout-list.ts";

/** ms between two looks at a relay, at most: how fresh the pool's byte counts are, and how much later than its limit an idle one ends. */
const RELAY_CHECK_MS = 1_000;

/** Connect failures that say nothing about the target: this process or host has run out of something. */
const OWN_FAULTS = new Set(["EMFILE", "EADDRNOTAVAIL"]);

/**
 * The course of each connection: admission, connect and requeue, relay, or the answer to one that got no target; and of
 * each stage, the time-out. Every pick made here ends in exactly one `failed` or `release`, every place in one `leave`.
 */
export class Course {
  readonly admission: Admission;
  readonly #options: EngineOptions;
  readonly #pool: Pool;
  readonly #runtime: Runtime;
  readonly #clock: Clock;
  readonly #warnings: Warnings;
  readonly #aborters = new Aborters();
  readonly #connecting: DueList<Life>;
  readonly #relaying: DueList<Life>;
  readonly #answering: DueList<Life>;
  readonly #lingering: DueList<Life>;

  constructor(options: EngineOptions, runtime: Runtime, clock: Clock, warnings: Warnings) {
    this.#options = options;
    this.#pool = options.pool;
    this.#runtime = runtime;
    this.#clock = clock;
    this.#warnings = warnings;
    this.admission = new Admission(options.pool, clock, options.queueTimeout, (life) => this.#watch(life));
    this.#connecting = new DueList<Life>(options.connectTimeout, (life) => life.connecting?.abort());
    this.#relaying = new DueList<Life>(checkInterval(options.idleTimeout), (life, now) => this.#checkRelay(life, now));
    this.#answering = new DueList<Life>(ANSWER_MS, giveUp);
    this.#lingering = new DueList<Life>(LINGER_MS, giveUp);
  }

  /** Takes the connection through to its end; its sockets are then closed and its ending is set. */
  async run(life: Life): Promise<void> {
    const turn = this.admission.enter(life);
    let row = turn instanceof Promise ? await turn : turn;
    while (typeof row === "number") {
      const target = await this.#connect(life, row);
      if (target !== null) return this.#relay(life, target);
      row = await this.#afterFailure(life);
    }
    if (row !== "ended") await this.#answer(life, row);
  }

  sweep(now: number): void {
    this.admission.sweep(now);
    this.#connecting.sweep(now);
    this.#relaying.sweep(now);
    this.#answering.sweep(now);
    this.#lingering.sweep(now);
  }

  /** Drops everything that has a place. */
  abortServed(): void {
    for (const life of this.#connecting) this.#end(life, SHUTDOWN);
    for (const life of this.#relaying) this.#end(life, SHUTDOWN);
  }

  /** Drops everything that is being told it got none. */
  abortAnswers(): void {
    for (const life of this.#answering) giveUp(life);
    for (const life of this.#lingering) giveUp(life);
  }

  /** Null when the target cannot be had, or the connection has ended meanwhile: then it is off the target, and still has its place. */
  async #connect(life: Life, row: number): Promise<Connection | null> {
    const startedAt = this.#clock.now();
    life.row = row;
    const target = life.ending === null ? await this.#dial(life, startedAt) : null;
    if (life.ending !== null) {
      target?.abort();
      this.admission.release(life);
      return null;
    }
    const now = this.#clock.now();
    if (target === null) {
      this.#fail(life, now);
      return null;
    }
    life.connectMs = now - life.acceptedAt;
    this.#pool.connected(row, now - startedAt);
    return target;
  }

  /** One attempt within the connect time-out. Null: `life.failure` says why not. */
  async #dial(life: Life, now: number): Promise<Connection | null> {
    const controller = this.#aborters.take();
    life.phase = "connect";
    life.connecting = controller;
    this.#connecting.add(life, now);
    this.#watch(life);
    try {
      return await this.#runtime.connect({ to: this.#pool.address(life.row), signal: controller.signal });
    } catch (error) {
      const { connectTimeout } = this.#options;
      const timedOut = controller.signal.aborted;
      life.failure = timedOut ? new NetError("ETIMEDOUT", `no answer within ${connectTimeout} ms`, error) : error;
      return null;
    } finally {
      life.connecting = null;
      this.#connecting.remove(life);
      this.#aborters.giveBack(controller);
    }
  }

  /** Takes the connection off a target that could not be had. */
  #fail(life: Life, now: number): void {
    const code = codeOf(life.failure);
    life.tried = [...life.tried, life.row];
    if (code !== undefined && OWN_FAULTS.has(code)) {
      this.#warnings.episode(`connect ${code}`, `cannot connect to targets: out of ${scarce(code)}`, life.failure);
      this.admission.release(life);
    } else {
      this.#pool.failed(life.row, now);
    }
    this.admission.pump();
  }

  /** The next target, or why there is none. */
  #afterFailure(life: Life): Turn | Promise<Turn> {
    if (life.ending === null && life.tried.length <= this.#options.requeue) return this.admission.next(life);
    this.admission.leave();
    if (life.ending === null) return "connect-failed";
    life.client.abort();
    return "ended";
  }

  async #relay(life: Life, target: Connection): Promise<void> {
    life.phase = "relay";
    life.target = this.#pool.identity(life.row);
    life.movedAt = this.#clock.now();
    this.#relaying.add(life, life.movedAt);
    const { first, error } = await this.#runtime.relay(life.client, target, life);
    this.#relaying.remove(life);
    life.ending ??= { endedBy: first === "a" ? "client" : "target", cause: error === undefined ? "fin" : "reset" };
    this.admission.release(life);
    this.admission.leave();
  }

  /** Tells the pool what a long connection has moved, and ends one that has been idle for too long. */
  #checkRelay(life: Life, now: number): void {
    const bytesIn = life.aToB - life.countedIn;
    const bytesOut = life.bToA - life.countedOut;
    if (bytesIn + bytesOut > 0) {
      this.#pool.addBytes(life.row, bytesIn, bytesOut);
      life.countedIn = life.aToB;
      life.countedOut = life.bToA;
      life.movedAt = now;
    } else if (this.#options.idleTimeout > 0 && now - life.movedAt >= this.#options.idleTimeout) {
      this.#end(life, IDLE);
    }
    this.#relaying.add(life, now);
  }

  /** Tells a client that it gets no target. It holds no place any more. */
  async #answer(life: Life, reason: UnavailableReason): Promise<void> {
    const { unavailable } = this.#options;
    life.phase = "unavailable";
    life.ending = { endedBy: "balancer", cause: reason };
    this.#answering.add(life, this.#clock.now());
    const lingering = () => this.#lingering.add(life, this.#clock.now());
    if (unavailable === null) {
      await life.client.close();
    } else if (typeof unavailable === "function") {
      const error = new UnavailableError(reason, messageFor(reason), life.failure ?? undefined);
      life.socket = new ClientSocket(life.client);
      await answerByHandler(life.socket, unavailable, error, lingering, (message, cause) =>
        this.#warnings.episode("handler", message, cause),
      );
    } else {
      // A client that is lost while it is answered has lost nothing more than the answer; the record keeps the reason.
      await answerText(life.client, unavailable, lingering).catch(() => life.client.abort());
    }
    life.list?.remove(life);
  }

  /** Ends a connection from outside its course, which notices and clears up. */
  #end(life: Life, ending: Ending): void {
    if (life.ending !== null) return;
    life.ending = ending;
    if (life.phase === "queue") this.admission.cancel(life);
    life.connecting?.abort();
    life.client.abort();
  }

  /** Notices a client that is reset before it is served. A FIN is no leaving: it may have said all it has to say. */
  #watch(life: Life): void {
    if (life.watched) return;
    life.watched = true;
    life.client.readable().catch(() => {
      if (life.phase === "queue" || life.phase === "connect") this.#end(life, CLIENT_LOST);
    });
  }
}

/** Often enough that an idle limit is kept to a tenth, and no oftener. */
function checkInterval(idleTimeout: number): number {
  const tenth = idleTimeout > 0 ? idleTimeout / 10 : RELAY_CHECK_MS;
  return Math.min(RELAY_CHECK_MS, Math.max(SWEEP_MS, tenth));
}

function scarce(code: string): string {
  return code === "EMFILE" ? "file descriptors (raise the limit: ulimit -n)" : "local ports towards that target";
}

function giveUp(life: Life): void {
  if (life.socket === null) life.client.abort();
  else life.socket.destroy();
}
