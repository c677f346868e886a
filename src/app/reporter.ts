/** The reporter: a control client per balancer, wired together. It logs nothing and emits events. */
import { runtime } from "#runtime";
import type { ReporterSettings } from "../config/settings.ts";
import { ControlClient, type ControlClientEvents } from "../control/client/client.ts";
import type { Credentials } from "../control/client/credentials.ts";
import type { TcpAddress } from "../net/runtime.ts";
import { Emitter, type EventOf } from "../util/emitter.ts";
import { HarmonyError } from "../util/errors.ts";
import { VERSION } from "../util/version.ts";
import { reporterCredentials } from "./credentials.ts";

/** What happens with one balancer. */
type EventsWithBalancer = { [K in keyof ControlClientEvents]: [balancer: TcpAddress, ...args: ControlClientEvents[K]] };

/** Trouble with a balancer is told when it begins or changes, not at every attempt. It is tried again for ever. */
export interface ReporterEvents extends EventsWithBalancer {
  /** The target has left every balancer that could be told. */
  close: [];
}

/** Connections that a balancer counted last; null where it could not be reached. */
export interface DrainResult {
  readonly balancer: TcpAddress;
  readonly active: number | null;
}

export class Reporter extends Emitter<ReporterEvents> {
  readonly #settings: ReporterSettings;
  readonly #clients: readonly { readonly balancer: TcpAddress; readonly client: ControlClient }[];
  readonly #registered: Promise<void>;
  #markRegistered: () => void = () => undefined;
  #markClosed: (error: HarmonyError) => void = () => undefined;
  #closing: Promise<void> | null = null;

  /** Starts at once and tries for ever: the balancer need not run yet. */
  constructor(settings: ReporterSettings) {
    super();
    this.#settings = settings;
    this.#registered = new Promise((resolve, reject) => {
      this.#markRegistered = resolve;
      this.#markClosed = reject;
    });
    this.#registered.catch(() => undefined); // `ready` is a promise of its own
    const credentials = reporterCredentials(settings);
    this.#clients = settings.balancers.map((balancer) => ({
      balancer,
      client: this.#clientOf(balancer, () => credentials(balancer)),
    }));
    for (const { client } of this.#clients) client.start();
  }

  /** Resolves when the first balancer has registered the target; rejects if the reporter is closed before that. */
  get ready(): Promise<void> {
    return this.#registered.then();
  }

  /** Takes no new connections, and waits until no balancer counts any or `timeout` ms are over (default: the drain time-out). */
  drain(timeout: number = this.#settings.drainTimeout): Promise<DrainResult[]> {
    return Promise.all(
      this.#clients.map(async ({ balancer, client }) => ({ balancer, active: await client.drain(timeout) })),
    );
  }

  /** Leaves every balancer now and stops; connections that are open go on. Idempotent, never rejects. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#markClosed(
      new HarmonyError("CLOSED", "the reporter was closed before a balancer had taken it in", { fault: "config" }),
    );
    await Promise.all(this.#clients.map(({ client }) => client.leave()));
    this.tell("close");
  }

  #clientOf(balancer: TcpAddress, key: () => Credentials): ControlClient {
    return new ControlClient({
      ...this.#settings,
      runtime,
      to: balancer,
      key,
      software: `harmony-reporter ${VERSION}`,
      targets: [this.#target()],
      onEvent: (event, ...args) => {
        if (event === "registered") this.#markRegistered();
        // The compiler does not follow that `args` are the ones of `event`.
        this.tell(...([event, balancer, ...args] as EventOf<ReporterEvents>));
      },
    });
  }

  #target() {
    const { port, advertise, balance, pool, id, maxConnections } = this.#settings;
    return {
      pool,
      port,
      weight: balance,
      health: "up" as const,
      drain: false,
      maxConnections,
      ...(id !== null && { id }),
      ...(advertise !== null && { advertise }),
    };
  }
}
