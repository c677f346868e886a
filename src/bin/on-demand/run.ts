/** `harmony-reporter --on-demand -- COMMAND`: the server that runs only while somebody needs it, with all that it is made of. */
import type { Reporter } from "../../app/reporter.ts";
import type { ReporterSettings } from "../../config/settings.ts";
import { checkName } from "../../targets/health/check.ts";
import { formatAddress } from "../../util/address.ts";
import { systemClock } from "../../util/clock.ts";
import { formatDuration, inSeconds } from "../../util/durations.ts";
import { messageOf } from "../../util/errors.ts";
import type { Log } from "../log.ts";
import { exitText, ServerProcess } from "../server-process.ts";
import type { ServiceManager } from "../service-manager/manager.ts";
import { onStopSignalsAndHangup } from "../signals.ts";
import { OnDemand, type OnDemandEvents, type StartedServer } from "./on-demand.ts";

export interface OnDemandDesk {
  readonly settings: ReporterSettings;
  readonly log: Log;
  readonly manager: ServiceManager | null;
  /** With what onDemandSettings() gives. */
  readonly reporter: Reporter;
  /** Takes no new connections, and waits until there are none. */
  readonly drain: () => Promise<void>;
}

/** Reports within the idle time: what a balancer has counted is as fresh as that. */
const REPORTS = 4;
/** ms. Not more often than a balancer likes to be told. */
const LEAST_ACK_MS = 200;

/** With reports often enough to tell that nobody uses the server. */
export function onDemandSettings(settings: ReporterSettings): ReporterSettings {
  const { ack, idleTime } = settings;
  return { ...settings, ack: Math.min(ack, Math.max(LEAST_ACK_MS, Math.floor(idleTime / REPORTS))) };
}

/** Until a signal. Gives the exit code: that of the server, if it ran. */
export async function serveOnDemand(
  { settings, log, manager, reporter, drain }: OnDemandDesk,
  command: readonly string[],
): Promise<number> {
  const { idleTime, startTimeout, targets } = settings;
  const { port, check } = targets[0]!;
  const ready = check === "off" ? `accepted connections on port ${port}` : `passed its check ${checkName(check)}`;
  const served = new OnDemand({
    announcer: {
      becomes: (state) => reporter.becomes(state),
      rest: (ms) => reporter.rest(ms),
      usage: () => reporter.usage(idleTime),
    },
    start: () => startedServer(command, port, () => reporter.starts()),
    clock: systemClock,
    idleTime,
    startTimeout,
    events: eventsFor(log, manager, settings),
    words: {
      late: `the server has not ${ready} within ${formatDuration(startTimeout)}`,
      noStart: messageOf,
      early: (code) => `the server has ended with code ${exitText(code)} before it ${ready}`,
    },
  });
  reporter.on("wake", (balancer) => {
    log.debug(`somebody waits at ${formatAddress(balancer)}`, { balancer: formatAddress(balancer) });
    served.woken();
  });
  const stop = async (signal: NodeJS.Signals) => {
    served.stop();
    if (served.isUp) {
      log.info(`${signal}: draining before the server is stopped`, { signal });
      await drain();
    } else {
      log.info(`${signal}: leaving`, { signal });
    }
    await reporter.close();
    served.server?.stop();
  };
  onStopSignalsAndHangup((signal, before) => {
    if (before === 0) void stop(signal);
    else if (before === 1) served.server?.stop();
    else served.server?.kill();
  }, log);
  manager?.status(() => `Asleep: the server is started when somebody waits for port ${port}`);
  const code = await served.run();
  await reporter.close();
  return code;
}

/** `passes` resolves when it is fit to serve, which it may be once it accepts connections. */
function startedServer(command: readonly string[], port: number, passes: () => Promise<void>): StartedServer {
  const server = new ServerProcess(command, port);
  return {
    ended: server.ended,
    async accepting() {
      if (!(await server.accepting(port, NEVER_MS, () => undefined))) return false;
      const hasEnded = server.ended.then(() => false);
      return Promise.race([passes().then(() => true), hasEnded]);
    },
    stop: () => server.kill("SIGTERM"),
    kill: () => server.kill("SIGKILL"),
  };
}

/** ms until it is said that it is slow to start: that it is too slow is said. Timers take no more. */
const NEVER_MS = 2 ** 31 - 1;

function eventsFor(log: Log, manager: ServiceManager | null, { idleTime, targets }: ReporterSettings): OnDemandEvents {
  const { port } = targets[0]!;
  return {
    starting: () => {
      manager?.status(() => "Starting the server: somebody waits");
      log.info("somebody waits: the server is started", { port });
    },
    up: (ms) => {
      manager?.status(() => `The server runs, until it has had no connection for ${formatDuration(idleTime)}`);
      log.info(`the server accepts connections, after ${inSeconds(ms)}`, { port, ms });
    },
    failed: (why, retryMs) => {
      manager?.status(() => `The server has not started: ${why}`);
      log.error(`${why}; it is started again when somebody waits, in ${formatDuration(retryMs)} at the earliest`, {
        port,
      });
    },
    stopping: () => {
      manager?.status(() => "Asleep: the server is started when somebody waits");
      log.info(`no connection for ${formatDuration(idleTime)}: the server is stopped, and asleep`, { port });
    },
    ended: (code) => {
      const say = code === 0 ? log.info : log.warning;
      say(`the server has ended by itself with code ${exitText(code)}; it is started again when somebody waits`, {
        port,
        exitCode: code,
      });
    },
  };
}
