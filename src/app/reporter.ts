/** The reporter: a control client per balancer, wired together. It logs nothing and emits events. */
import { runtime } from "#runtime";
import type { ReporterSettings } from "../config/settings.ts";
import type { TargetSettings } from "../config/target-options.ts";
import type { TargetReport } from "../control/client/announcement.ts";
import { ControlClient, type ControlClientEvents, type Trouble } from "../control/client/client.ts";
import type { Credentials } from "../control/client/credentials.ts";
import type { TcpAddress } from "../net/runtime.ts";
import { Emitter, type EventOf } from "../util/emitter.ts";
import { HarmonyError } from "../util/errors.ts";
import { VERSION } from "../util/version.ts";
import { reporterCredentials } from "./credentials.ts";

/** One of the reporter's targets, as it was told to announce it. */
export interface AnnouncedTarget {
  readonly pool: string;
  readonly port: number;
  /** null: it is named by its address and port. */
  readonly id: string | null;
}

/** Trouble with a balancer is told when it begins or changes, not at every attempt. It is tried again for ever. */
export interface ReporterEvents {
  connected: [balancer: TcpAddress, software: { readonly name: string; readonly version: string }];
  /** The balancer has registered the target under this name. */
  registered: [balancer: TcpAddress, target: string, announced: AnnouncedTarget];
  /** The balancer refused the key (`announced` is null), or what was reported of the target. */
  rejected: [balancer: TcpAddress, rejection: Trouble, announced: AnnouncedTarget | null];
  /** No connection, or no longer: the balancer is unreachable, there is no key yet, or what answers is no balancer. */
  lost: [balancer: TcpAddress, trouble: Trouble];
  /** The balancer ended the connection. */
  goodbye: [balancer: TcpAddress, farewell: Trouble];
  /** The balancer has taken the target in, but not opened the port that it was asked for: it is older than that. */
  unopened: [balancer: TcpAddress, listen: number, announced: AnnouncedTarget];
  /** The targets have left every balancer that could be told. */
  close: [];
}

/** Connections of the targets that a balancer counted last; null where it could not be reached. */
export interface DrainResult {
  readonly balancer: TcpAddress;
  readonly active: number | null;
}

export class Reporter extends Emitter<ReporterEvents> {
  readonly #settings: ReporterSettings;
  readonly #clients: readonly { readonly balancer: TcpAddress; readonly client: ControlClient }[];
  readonly #registered: Promise<void>;
  /** Targets that no balancer has registered yet. */
  readonly #waiting: Set<AnnouncedTarget>;
  #markRegistered: () => void = () => undefined;
  #markClosed: (error: HarmonyError) => void = () => undefined;
  #closing: Promise<void> | null = null;

  /** Starts at once and tries for ever: the balancer need not run yet. */
  constructor(settings: ReporterSettings) {
    super();
    this.#settings = settings;
    this.#waiting = new Set(settings.targets);
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

  /** Resolves when each target has been registered with a balancer; rejects if the reporter is closed before that. */
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
      targets: this.#settings.targets.map(reportOf),
      onEvent: (...event) => this.#tell(balancer, event),
    });
  }

  #tell(balancer: TcpAddress, event: EventOf<ControlClientEvents>): void {
    const { targets } = this.#settings;
    switch (event[0]) {
      case "registered": {
        const [, name, ref] = event;
        this.#waiting.delete(targets[ref]!);
        if (this.#waiting.size === 0) this.#markRegistered();
        this.tell("registered", balancer, name, targets[ref]!);
        break;
      }
      case "rejected":
        this.tell("rejected", balancer, event[1], event[2] === null ? null : targets[event[2]]!);
        break;
      case "unopened":
        this.tell("unopened", balancer, event[1], targets[event[2]]!);
        break;
      case "connected":
        this.tell("connected", balancer, event[1]);
        break;
      default:
        this.tell(event[0], balancer, event[1]);
    }
  }
}

function reportOf(target: TargetSettings): TargetReport {
  const { port, advertise, balance, pool, id, maxConnections, listen, poolOptions: options } = target;
  return {
    pool,
    port,
    weight: balance,
    health: "up",
    drain: false,
    maxConnections,
    ...(id !== null && { id }),
    ...(advertise !== null && { advertise }),
    ...(listen !== null && { listen, options }),
  };
}
