/** The reporter: a control client per balancer, wired together. It logs nothing and emits events. */
import { runtime } from "#runtime";
import type { ReporterStatus } from "../admin/reporter/schema.ts";
import { wholeWeight } from "../config/balance-kind.ts";
import type { ReporterSettings } from "../config/settings.ts";
import type { TargetSettings } from "../config/target-options.ts";
import { Agreement } from "../control/client/agreement.ts";
import type { TargetReport } from "../control/client/announcement.ts";
import { ControlClient, type ControlClientEvents, type Trouble } from "../control/client/client.ts";
import type { Credentials } from "../control/client/credentials.ts";
import type { TcpAddress } from "../net/runtime.ts";
import { formatAddress } from "../util/address.ts";
import { systemClock } from "../util/clock.ts";
import { Emitter, type EventOf } from "../util/emitter.ts";
import { HarmonyError } from "../util/errors.ts";
import { VERSION } from "../util/version.ts";
import { BalancerRecord } from "./balancer-record.ts";
import { reporterCredentials } from "./credentials.ts";
import { Running, type RunningState } from "./running.ts";
import { TargetHealth } from "./target-health.ts";
import { Weights } from "./weights.ts";

const NAME = "harmony-reporter";
const ASLEEP = "asleep: it starts when somebody waits at a balancer of Harmony's";

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
  /** The balancer has taken in a target that may sleep, and wakes none: it is older than that. */
  unwakeable: [balancer: TcpAddress, announced: AnnouncedTarget];
  /** The balancer shares the target's limit with others, and is older than what makes that exact: it may be exceeded. */
  inexact: [balancer: TcpAddress, announced: AnnouncedTarget];
  /** The server's check passes, and did not, or the other way round. `reason`: in words. */
  health: [announced: AnnouncedTarget, health: "up" | "down", reason: string];
  /** The weight of a target follows what is left (`auto`), and is another one. `headroom`: 0…1; null: it could not be told yet. */
  weight: [weight: number, headroom: number | null, announced: AnnouncedTarget];
  /** What is left can no longer be told, so that the weight stays as it is; null: it can again. */
  unmeasured: [reason: string | null, announced: AnnouncedTarget];
  /** Somebody waits at that balancer for a target that is asleep (say()): it is to be started. It may be told again. */
  wake: [balancer: TcpAddress, announced: AnnouncedTarget];
  /** The targets have left every balancer that could be told. */
  close: [];
}

/** What is said of a target. `reason`: why it is down, for people. */
export interface TargetNow {
  readonly health: "up" | "down";
  readonly reason?: string | undefined;
  readonly weight: number;
  /** It takes no new connections, however it is. */
  readonly drain: boolean;
}

/** Connections of the targets that a balancer counted last; null where it could not be reached. */
export interface DrainResult {
  readonly balancer: TcpAddress;
  readonly active: number | null;
}

interface Reported {
  readonly balancer: TcpAddress;
  readonly client: ControlClient;
  readonly record: BalancerRecord;
}

export class Reporter extends Emitter<ReporterEvents> {
  readonly #settings: ReporterSettings;
  readonly #clients: readonly Reported[];
  readonly #health: TargetHealth;
  readonly #weights: Weights;
  /** null: there is one balancer. */
  readonly #agreement: Agreement | null;
  readonly #startedAt = Date.now();
  #isDraining = false;
  /** Of a server that runs only while somebody needs it. */
  readonly #running: Running | null;
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
    this.#running = settings.onDemand ? new Running() : null;
    this.#waiting = new Set(settings.targets);
    this.#registered = new Promise((resolve, reject) => {
      this.#markRegistered = resolve;
      this.#markClosed = reject;
    });
    this.#registered.catch(() => undefined); // `ready` is a promise of its own
    this.#weights = this.#weightsOf(settings.targets);
    const credentials = reporterCredentials(settings);
    this.#health = new TargetHealth({ ...settings, runtime, onChange: (index) => this.#turned(index) });
    const ports = settings.targets.map(({ port }) => port);
    this.#agreement = this.#agreementOf(settings);
    this.#clients = settings.balancers.map((balancer, index) => {
      const record = new BalancerRecord(balancer, ports);
      const client = this.#clientOf(balancer, record, index, () => credentials(balancer));
      return { balancer, record, client };
    });
    for (const { client } of this.#clients) client.start();
  }

  /** Resolves when each target has been registered with a balancer; rejects if the reporter is closed before that. */
  get ready(): Promise<void> {
    return this.#registered.then();
  }

  /** What it says, to whom, and since when. */
  get status(): ReporterStatus {
    return {
      name: NAME,
      version: VERSION,
      runtime: { name: runtime.name, version: runtime.version },
      pid: process.pid,
      startedAt: new Date(this.#startedAt).toISOString(),
      uptimeMs: Math.max(0, Date.now() - this.#startedAt),
      targets: this.#settings.targets.map(({ pool, port, id, maxConnections, priority, sendProxy }, ref) => {
        const { health, reason = null } = this.#seen(ref);
        const says = this.#isDraining ? "draining" : this.#running?.isAsleep ? "asleep" : health;
        const [weight, auto, check] = [this.#weights.of(ref), this.#weights.view(ref), this.#health.words(ref)];
        return { pool, port, id, weight, auto, maxConnections, priority, sendProxy, says, reason, check };
      }),
      balancers: this.#clients.map(({ record, client }) => record.view(client)),
    };
  }

  /** What is said of a target, by its place among them, to those who cannot have it started: it is down while it is asleep. */
  now(ref: number): TargetNow {
    const { health, reason = this.#running?.isAsleep ? ASLEEP : undefined, weight } = this.#seen(ref);
    return { health, reason, weight, drain: this.#isDraining || (this.#running?.isResting ?? false) };
  }

  /** Takes no new connections, and waits until no balancer counts any or `timeout` ms are over (default: the drain time-out). */
  drain(timeout: number = this.#settings.drainTimeout): Promise<DrainResult[]> {
    this.#isDraining = true;
    return Promise.all(
      this.#clients.map(async ({ balancer, client }) => ({ balancer, active: await client.drain(timeout) })),
    );
  }

  /** Of a server that runs only while somebody needs it (`onDemand`): what has become of it, which is said now. */
  becomes(state: RunningState): void {
    this.#running?.becomes(state);
    for (const { client } of this.#clients) client.update({ drain: false });
  }

  /** It accepts connections. Resolves when it passes its check, if it has one. */
  starts(): Promise<void> {
    return this.#health.anew(0);
  }

  /**
   * The same of one that takes no new connections, and is asleep once it has none: clients that come wait. Resolves with the connections
   * that are left after `timeout` ms at most. A balancer that cannot be reached counts none.
   */
  async rest(timeout: number): Promise<number> {
    this.#running?.becomes("resting");
    const left = await Promise.all(this.#clients.map(({ client }) => client.drain(timeout)));
    return left.reduce<number>((sum, active) => sum + (active ?? 0), 0);
  }

  /** Connections of the targets, open ones and all, as balancers have counted them that have answered within `ms`. */
  usage(ms: number): { readonly active: number; readonly total: number } {
    const answers = this.#clients.flatMap(({ client }) => client.answers).filter((answer) => answer !== null);
    return {
      active: answers.reduce((sum, { active, agoMs }) => sum + (agoMs <= ms ? (active ?? 0) : 0), 0),
      total: answers.reduce((sum, { total }) => sum + (total ?? 0), 0),
    };
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
    this.#weights.end();
    this.#agreement?.close();
    await Promise.all([...this.#clients.map(({ client }) => client.leave()), this.#health.close()]);
    this.tell("close");
  }

  #clientOf(balancer: TcpAddress, record: BalancerRecord, index: number, key: () => Credentials): ControlClient {
    const seat = this.#agreement?.seat(index);
    return new ControlClient({
      ...this.#settings,
      ...(seat && { seat }),
      runtime,
      to: balancer,
      key,
      software: `${NAME} ${VERSION}`,
      targets: this.#settings.targets.map(reportOf),
      seen: (ref) => this.#seen(ref),
      onEvent: (...event) => {
        record.hear(event);
        this.#tell(balancer, event);
      },
    });
  }

  #agreementOf({ balancers, targets }: ReporterSettings): Agreement | null {
    if (balancers.length < 2) return null;
    return new Agreement({
      limits: targets.map(({ maxConnections }) => maxConnections),
      balancers: balancers.length,
      places: placesOf(balancers.map(formatAddress)),
      clock: systemClock,
      onDue: (balancer, ref) => this.#clients[balancer]?.client.look(ref, { canWait: true }),
    });
  }

  #seen(ref: number) {
    const seen = { ...this.#health.of(ref), weight: this.#weights.of(ref) };
    return this.#running?.over(seen) ?? seen;
  }

  #turned(index: number): void {
    if (this.#running?.isAsleep) return; // nobody is told how one is that does not run
    for (const { client } of this.#clients) client.look(index);
    const { health } = this.#health.of(index);
    this.tell("health", this.#settings.targets[index]!, health, this.#health.words(index)!);
  }

  #weightsOf(targets: readonly TargetSettings[]): Weights {
    return new Weights(targets, systemClock, {
      onWeight: (ref, weight, headroom) => {
        for (const { client } of this.#clients) client.look(ref, { canWait: true });
        this.tell("weight", weight, headroom, targets[ref]!);
      },
      onTrouble: (ref, reason) => this.tell("unmeasured", reason, targets[ref]!),
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
      case "wake":
      case "unwakeable":
      case "inexact":
        this.tell(event[0], balancer, targets[event[1]]!);
        break;
      case "connected":
        this.tell("connected", balancer, event[1]);
        break;
      default:
        this.tell(event[0], balancer, event[1]);
    }
  }
}

/** Of each address: where it is among all of them, however they are ordered. */
function placesOf(addresses: readonly string[]): number[] {
  const ordered = [...addresses].sort();
  return addresses.map((address) => ordered.indexOf(address));
}

/** What is seen at each report precedes it. */
function reportOf(target: TargetSettings): TargetReport {
  const {
    port,
    advertise,
    balance,
    pool,
    id,
    maxConnections,
    priority,
    sendProxy,
    listen,
    poolOptions: options,
  } = target;
  return {
    pool,
    port,
    weight: wholeWeight(balance),
    health: "up",
    drain: false,
    maxConnections,
    ...(priority > 0 && { priority }),
    ...(sendProxy !== "pool" && { sendProxy }),
    ...(id !== null && { id }),
    ...(advertise !== null && { advertise }),
    ...(listen !== null && { listen, options }),
  };
}
