/**
 * A server that runs only while somebody needs it.
 *
 *     asleep ── somebody waits ──► starting ── accepts ──► up ── idle ──► drains ── nobody is left ──► stopping ──► asleep
 *        ▲                            │ does not            ▲                │ somebody came
 *        └── after a while, failed ◄──┘                     └────────────────┘
 *
 * From the moment it drains, clients that come wait at the balancer, which says so: what is on its way when the server is told to stop
 * finds it started again. So no client is ever sent to a server that is about to stop. No I/O but by what is handed in.
 */
import type { RunningState } from "../../app/running.ts";
import type { Cancel, Clock } from "../../util/clock.ts";
import { deferred } from "../../util/deferred.ts";
import { type Usage, untilIdle } from "./idle.ts";

/** The server, from its start to its end. */
export interface StartedServer {
  /** Resolves with its exit code. Rejects where it could not be started. */
  readonly ended: Promise<number>;
  /** Resolves to true when it is fit to serve, to false when it has ended before that. */
  accepting(): Promise<boolean>;
  stop(): void;
  kill(): void;
}

export interface Announcer {
  /** All balancers are told so. */
  becomes(state: RunningState): void;
  /** It drains, and is asleep then. Resolves with the connections that are left, after `ms` at most; one that cannot be asked counts none. */
  rest(ms: number): Promise<number>;
  /** As the balancers have counted lately. */
  usage(): Usage;
}

/** Told as it happens, for the log. */
export interface OnDemandEvents {
  starting(): void;
  up(ms: number): void;
  /** It has not come to accept connections; `retryMs`: for so long nobody waits for it. */
  failed(why: string, retryMs: number): void;
  stopping(): void;
  /** It has ended by itself. */
  ended(code: number): void;
}

export interface OnDemandOptions {
  readonly announcer: Announcer;
  readonly start: () => StartedServer;
  readonly clock: Clock;
  /** ms without a connection, after which it is stopped. */
  readonly idleTime: number;
  /** ms in which it has to accept connections. */
  readonly startTimeout: number;
  readonly events: OnDemandEvents;
  /** Of a server that cannot be started, or of a time that has passed. */
  readonly words: { readonly late: string; noStart(error: unknown): string; early(code: number): string };
}

/** ms that a balancer may take to say how many connections are left: an answer takes a round trip. */
const REST_MS = 5_000;
/** ms after which a server that does not stop is killed. */
const STOP_MS = 30_000;
/** ms between the end of a server that ended by itself and its next start: one that crashes at once does not take a processor. */
const RESTART_MS = 1_000;
/** ms for which clients are told that there is no target, after a start that failed; they double with each, up to the most. */
const RETRY_MS = 1_000;
const MOST_RETRY_MS = 30_000;

export class OnDemand {
  readonly #options: OnDemandOptions;
  /** Somebody waits, and was not there when it was started. */
  #isWanted = false;
  #want: () => void = () => undefined;
  readonly #stop = new AbortController();
  readonly #stopped = deferred<void>();
  #server: StartedServer | null = null;
  #isUp = false;
  #failures = 0;
  #notBefore = Number.NEGATIVE_INFINITY;

  constructor(options: OnDemandOptions) {
    this.#options = options;
  }

  /** Somebody waits. It may be told again and again. */
  woken(): void {
    this.#isWanted = true;
    this.#want();
  }

  /** The one that runs, or ends. */
  get server(): StartedServer | null {
    return this.#server;
  }

  /** Balancers send it connections. */
  get isUp(): boolean {
    return this.#isUp;
  }

  /** Nothing is started or said any more; a server that runs is the caller's to stop. */
  stop(): void {
    this.#stop.abort();
    this.#stopped.resolve();
    this.#want();
  }

  /** Resolves after stop(), when no server runs, with the exit code of the one that ran then; 0: none did. */
  async run(): Promise<number> {
    for (;;) {
      await this.#untilWanted();
      await this.#pause(this.#notBefore - this.#options.clock.now());
      if (this.#isStopping) return 0;
      const code = await this.#serve();
      if (this.#isStopping && this.#server !== null) return code;
    }
  }

  get #isStopping(): boolean {
    return this.#stop.signal.aborted;
  }

  /** From its start to its end. */
  async #serve(): Promise<number> {
    const { start, announcer, clock, events, words } = this.#options;
    const startedAt = clock.now();
    this.#isWanted = false;
    events.starting();
    const server = start();
    this.#server = server;
    const failure = { why: "" };
    const ended = server.ended.catch((error: unknown) => {
      failure.why = words.noStart(error);
      return 1;
    });
    const accepts = await this.#first(
      server.accepting(),
      this.#pause(this.#options.startTimeout).then(() => null),
    );
    if (this.#isStopping) return ended;
    if (accepts !== true) {
      if (accepts === null) failure.why = words.late;
      else if (failure.why === "") failure.why = words.early(await ended);
      return this.#fail(server, ended, failure.why);
    }
    this.#failures = 0;
    this.#isUp = true;
    announcer.becomes("up");
    events.up(clock.now() - startedAt);
    return this.#untilEnd(server, ended);
  }

  /** It is up: until it has been idle and has stopped, or has ended by itself. */
  async #untilEnd(server: StartedServer, ended: Promise<number>): Promise<number> {
    const { announcer, events, clock } = this.#options;
    for (;;) {
      const code = await this.#first(ended, this.#idle());
      if (this.#isStopping) return ended;
      if (code !== null) {
        this.#notBefore = clock.now() + RESTART_MS;
        this.#server = null;
        this.#sleep();
        events.ended(code);
        return code;
      }
      this.#isWanted = false;
      const left = await announcer.rest(REST_MS);
      if (this.#isStopping) return ended;
      if (left === 0 && !this.#isWanted) break;
      announcer.becomes("up");
    }
    events.stopping();
    this.#sleep();
    return this.#end(server, ended);
  }

  #sleep(): void {
    this.#isUp = false;
    this.#options.announcer.becomes("asleep");
  }

  async #fail(server: StartedServer, ended: Promise<number>, why: string): Promise<number> {
    const { announcer, events } = this.#options;
    const retryMs = Math.min(MOST_RETRY_MS, RETRY_MS * 2 ** this.#failures);
    if (retryMs < MOST_RETRY_MS) this.#failures += 1;
    announcer.becomes({ failed: why });
    events.failed(why, retryMs);
    const code = await this.#end(server, ended);
    await this.#pause(retryMs);
    this.#isWanted = false; // who waited has been told
    if (!this.#isStopping) this.#sleep();
    return code;
  }

  /** Has it stop, and waits for that. */
  async #end(server: StartedServer, ended: Promise<number>): Promise<number> {
    server.stop();
    const cancel = this.#options.clock.after(STOP_MS, () => server.kill());
    const code = await ended;
    cancel();
    this.#server = null;
    return code;
  }

  async #untilWanted(): Promise<void> {
    while (!this.#isWanted && !this.#isStopping) await new Promise<void>((resolve) => (this.#want = resolve));
  }

  /** null: it is idle. */
  async #idle(): Promise<null> {
    const { announcer, clock, idleTime } = this.#options;
    await untilIdle({ usage: () => announcer.usage(), clock, idleTime, isOver: () => this.#isStopping || !this.#isUp });
    return null;
  }

  /** The first of these, or null when it is to stop. */
  #first<T>(...all: Promise<T>[]): Promise<T | null> {
    return Promise.race([...all, this.#stopped.promise.then(() => null)]);
  }

  /** Shorter where it is to stop. */
  async #pause(ms: number): Promise<void> {
    if (ms <= 0) return;
    let cancel: Cancel = () => undefined;
    const over = new Promise<void>((resolve) => {
      cancel = this.#options.clock.after(ms, resolve);
    });
    await Promise.race([over, this.#stopped.promise]);
    cancel();
  }
}
