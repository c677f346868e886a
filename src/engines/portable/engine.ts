import { runtime as ownRuntime } from "#runtime";
import { NetError } from "../../net/net-error.ts";
import type { Connection, Listener, Runtime, TcpAddress } from "../../net/runtime.ts";
import type { CloseRecord } from "../../proxy/outcome.ts";
import { type Clock, systemClock } from "../../util/clock.ts";
import { messageOf } from "../../util/errors.ts";
import { Warnings } from "../../util/rate-limited-log.ts";
import type { Engine, EngineFactory, EngineOptions } from "../engine.ts";
import { Course } from "./course.ts";
import { CLIENT_LOST, Life } from "./life.ts";
import { Sweep } from "./ticker.ts";

/** Connections the kernel may hold for us: what Linux allows by default (net.core.somaxconn), so that a burst is not turned away. */
const BACKLOG = 4096;

/** ms that answers under way get after the close time-out: enough for a text in a socket's buffer, and nobody waits long for it. */
const LAST_WORDS_MS = 1_000;

/** The engine that runs wherever the runtime seam does, in the thread that creates it. */
export class PortableEngine implements Engine {
  readonly name = "portable";
  readonly #options: EngineOptions;
  readonly #runtime: Runtime;
  readonly #clock: Clock;
  readonly #warnings: Warnings;
  readonly #course: Course;
  readonly #sweep: Sweep;
  #listeners: Listener[] = [];
  #starting: Promise<void> | null = null;
  #closing: Promise<void> | null = null;
  /** On the engine's clock: when the patience of `close` ends. */
  #deadline = Number.POSITIVE_INFINITY;
  #open = 0;
  #ticket = 0;
  #allGone: (() => void) | null = null;

  constructor(options: EngineOptions, runtime: Runtime, clock: Clock) {
    this.#options = options;
    this.#runtime = runtime;
    this.#clock = clock;
    this.#warnings = new Warnings(clock, options.onWarning);
    this.#course = new Course(options, runtime, clock, this.#warnings);
    this.#sweep = new Sweep(
      clock,
      (now) => this.#tick(now),
      () => this.#open > 0,
    );
  }

  get addresses(): readonly TcpAddress[] {
    const { length } = this.#listeners;
    return length === 0 ? this.#options.listen : this.#listeners.map((listener) => listener.address);
  }

  start(): Promise<void> {
    this.#starting ??= this.#bind();
    return this.#starting;
  }

  poolChanged(): void {
    this.#course.admission.pump();
  }

  close(timeout: number): Promise<void> {
    this.#deadline = Math.min(this.#deadline, this.#clock.now() + timeout);
    this.#closing ??= this.#shutDown();
    if (timeout <= 0) this.#course.abortServed();
    return this.#closing;
  }

  async #bind(): Promise<void> {
    if (this.#closing !== null) throw new NetError("ECLOSED", "the engine was closed before it was started");
    const bound: Listener[] = [];
    try {
      for (const { host, port } of this.#options.listen) {
        bound.push(await this.#listen(host, port));
      }
    } catch (error) {
      await Promise.all(bound.map((listener) => listener.close()));
      throw error;
    }
    this.#listeners = bound;
  }

  #listen(host: string, port: number): Promise<Listener> {
    return this.#runtime.listen(
      { host, port, backlog: BACKLOG },
      (connection) => this.#accept(connection),
      (error) => this.#warnings.episode(`accept ${error.code}`, `cannot accept connections: ${error.message}`, error),
    );
  }

  #accept(client: Connection): void {
    this.#ticket = (this.#ticket + 1) & 0x3fffffff; // wraps long after the one that had the number before has left the queue
    const life = new Life(client, this.#ticket, Date.now(), this.#clock.now());
    this.#open++;
    this.#sweep.wake();
    this.#course
      .run(life)
      .catch((error: unknown) => {
        client.abort();
        this.#warnings.episode(
          "engine",
          `a connection was dropped by a fault of the engine: ${messageOf(error)}`,
          error,
        );
      })
      .then(() => this.#ended(life));
  }

  #ended(life: Life): void {
    life.ending ??= CLIENT_LOST;
    this.#report(life.record(this.#clock.now()));
    if (--this.#open === 0) this.#allGone?.();
  }

  #report(record: CloseRecord): void {
    try {
      this.#options.onClose(record);
    } catch (error) {
      this.#warnings.episode("onClose", `the listener for close records threw: ${messageOf(error)}`, error);
    }
  }

  #tick(now: number): void {
    this.#course.sweep(now);
    if (now >= this.#deadline) this.#course.abortServed();
    if (now >= this.#deadline + LAST_WORDS_MS) this.#course.abortAnswers();
  }

  async #shutDown(): Promise<void> {
    this.#course.admission.stop();
    // A start that fails has told its own caller, and has left nothing open.
    await this.#starting?.catch(() => undefined);
    await Promise.all(this.#listeners.map((listener) => listener.close()));
    if (this.#open > 0) await new Promise<void>((resolve) => (this.#allGone = resolve));
  }
}

export const portable: EngineFactory = {
  name: "portable",
  test: () => Promise.resolve(null),
  create: (options) => new PortableEngine(options, ownRuntime, systemClock),
};
