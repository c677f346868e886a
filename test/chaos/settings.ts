/** How a balancer is set up for its life, and which targets it has: decided by the seed. */
import { ALGORITHM_NAMES } from "../../src/pool/pool.ts";
import type { Random } from "../support/kernel/random.ts";

export interface Settings {
  readonly threads: number;
  readonly algorithm: string;
  /** -1: no limit. */
  readonly concurrency: number;
  readonly queue: number;
  readonly queueTimeout: number;
  readonly connectTimeout: number;
  /** 0: none. */
  readonly idleTimeout: number;
  readonly hostTimeout: number;
  readonly drainTimeout: number;
  readonly requeue: number;
  readonly startHold: number;
  readonly persistent: string;
  /** null: none. */
  readonly unavailable: string | null;
  readonly targets: readonly TargetSettings[];
}

export interface TargetSettings {
  readonly weight: number;
  /** 0: no limit. */
  readonly maxConnections: number;
}

const TARGETS = 4;
const TEXT = "Nobody is here.\n";

export function drawSettings(random: Random): Settings {
  const limited = random.chance(0.5);
  return {
    threads: random.pick([1, 2, 4, 4]),
    algorithm: random.pick(ALGORITHM_NAMES),
    concurrency: random.pick([-1, -1, 20, 100]),
    queue: random.pick([0, 20, 1_000]),
    queueTimeout: random.pick([500, 3_000]),
    connectTimeout: random.pick([200, 1_000]),
    idleTimeout: random.pick([0, 0, 1_000]),
    hostTimeout: random.pick([1_500, 10_000]),
    drainTimeout: random.pick([0, 500, 2_000]),
    requeue: random.pick([0, 1, 3]),
    persistent: random.pick(["off", "off", "1s", "1m"]),
    unavailable: random.pick([null, TEXT, TEXT.repeat(2_000)]),
    targets: Array.from({ length: TARGETS }, () => ({
      weight: random.pick([1, 500, 1_000]),
      maxConnections: limited ? random.pick([1, 10, 50]) : 0,
    })),
    startHold: random.pick([0, 2_000]),
  };
}

/** The command line of the balancer: all but what its document says (document.ts), since what a flag says of its pool stays. */
export function balancerFlags(settings: Settings): string[] {
  const { unavailable } = settings;
  const flags: Record<string, string | number> = {
    listen: "127.0.0.1:0",
    admin: "127.0.0.1:0",
    threads: settings.threads,
    concurrency: settings.concurrency,
    queue: settings.queue,
    "queue-timeout": `${settings.queueTimeout}ms`,
    "connect-timeout": `${settings.connectTimeout}ms`,
    "idle-timeout": `${settings.idleTimeout}ms`,
    "host-timeout": `${settings.hostTimeout}ms`,
    "drain-timeout": `${settings.drainTimeout}ms`,
    requeue: settings.requeue,
    "start-hold": `${settings.startHold}ms`,
  };
  const given = Object.entries(flags).map(([name, value]) => `--${name}=${value}`);
  return unavailable === null ? given : [...given, `--unavailable=${unavailable}`];
}

/** The most that are served at once; null: no limit. */
export function capacity({ concurrency, targets }: Settings): number | null {
  const limited = targets.every(({ maxConnections }) => maxConnections > 0);
  const room = limited ? targets.reduce((sum, { maxConnections }) => sum + maxConnections, 0) : null;
  if (concurrency < 0) return room;
  return room === null ? concurrency : Math.min(room, concurrency);
}
