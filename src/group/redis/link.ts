/** Keeps a session: makes another one whenever it is lost, again and again, with pauses that grow. */
import type { Clock } from "../../util/clock.ts";
import { HarmonyError, messageOf } from "../../util/errors.ts";
import { Pause } from "../../util/pause.ts";
import { OPENING } from "../store.ts";
import type { Session } from "./session.ts";

/** ms. Short at first: a failover takes a second, and everybody waits for it. All agree again within five seconds of a cut that is healed. */
const [SHORTEST_PAUSE, LONGEST_PAUSE] = [100, 2_000];
/** ms. A session that has held for so long is none that fails at once. */
const PROVEN_MS = 10_000;

export class Link {
  onConnected: (isSame: boolean) => void = () => undefined;
  onHint: (hint: string) => void = () => undefined;
  readonly #clock: Clock;
  readonly #open: (attempt: number, signal: AbortSignal) => Promise<Session>;
  #session: Session | null = null;
  /** Of the last session. */
  #server: string | null = null;
  #problem = new HarmonyError(OPENING, "the group's Redis has not been reached yet", {
    fault: "balancer",
    retry: true,
  });
  readonly #ending = new AbortController();
  readonly #pause: Pause;
  #running: Promise<void> | null = null;

  /** `open` rejects with HarmonyError, at once when the signal says that nobody needs it any more. */
  constructor(clock: Clock, open: (attempt: number, signal: AbortSignal) => Promise<Session>) {
    this.#clock = clock;
    this.#pause = new Pause(clock);
    this.#open = open;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Throws HarmonyError where there is none. */
  session(): Session {
    if (this.#session !== null) return this.#session;
    const { code, message, fault, retry } = this.#problem;
    throw new HarmonyError(code, message, { fault, retry });
  }

  async close(): Promise<void> {
    this.#problem = lost("it is closed");
    this.#session?.commands.drop(this.#problem);
    this.#session = null;
    this.#ending.abort();
    this.#pause.skip();
    await this.#running;
  }

  get #closed(): boolean {
    return this.#ending.signal.aborted;
  }

  async #run(): Promise<void> {
    let failures = 0;
    for (let attempt = 0; !this.#closed; attempt++) {
      const began = this.#clock.now();
      await this.#live(attempt);
      failures = this.#clock.now() - began > PROVEN_MS ? 0 : failures + 1;
      await this.#pause.wait(pauseAfter(failures));
    }
  }

  /** One session, from its making to its end. */
  async #live(attempt: number): Promise<void> {
    let session: Session | null = null;
    try {
      session = await this.#open(attempt, this.#ending.signal);
      if (!this.#closed) this.#lose(await this.#use(session));
    } catch (error) {
      this.#lose(error instanceof HarmonyError ? error : lost(messageOf(error)));
    }
    session?.commands.drop(this.#problem);
  }

  /** Gives why it has ended. */
  #use(session: Session): Promise<HarmonyError> {
    this.#session = session;
    session.hints.onMessage = (hint) => {
      if (!this.#closed) this.onHint(hint);
    };
    const isSame = session.server !== null && session.server === this.#server;
    this.#server = session.server;
    this.onConnected(isSame);
    return session.commands.ended;
  }

  #lose(problem: HarmonyError): void {
    this.#session = null;
    if (!this.#closed) this.#problem = problem;
  }
}

/** Between a half and the whole of what doubles each time: balancers that lost it together do not come back together. */
function pauseAfter(failures: number): number {
  const whole = Math.min(LONGEST_PAUSE, SHORTEST_PAUSE * 2 ** Math.min(failures, 10));
  return whole * (0.5 + Math.random() / 2);
}

function lost(why: string): HarmonyError {
  return new HarmonyError("GROUP_LOST", `the group's Redis cannot be asked: ${why}`, {
    fault: "balancer",
    retry: true,
  });
}
