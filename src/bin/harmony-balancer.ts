#!/usr/bin/env node
import { Balancer } from "../app/balancer.ts";
import { loadBalancer } from "../config/load.ts";
import { formatDuration } from "../util/durations.ts";
import { logBalancer, logTargets } from "./balancer-log.ts";
import { main } from "./program.ts";
import { onStopSignals, onUserSignal } from "./signals.ts";
import { connectionCount } from "./words.ts";

const PROGRAM = {
  name: "harmony-balancer",
  usage: "[options]",
  summary: "Balances TCP connections over targets that register themselves (see harmony-reporter).",
  footer: `
Every option can also be given in the environment, as HARMONY_QUEUE_TIMEOUT=5s for --queue-timeout 5s, or in the file that
--config names. Only HARMONY_KEY=[id:]secret, which goes before any key file, has no flag: anybody can list flags with ps.

SIGTERM, SIGINT: stop accepting, let open connections finish, exit 0; a second one ends them at once.
SIGUSR1, SIGUSR2: log the table of targets.   SIGHUP: ignored.
Exit codes: 0 stopped as asked, 1 could not go on, 2 wrong options.
`,
};

void main(PROGRAM, loadBalancer, async ({ settings }, log) => {
  const balancer = new Balancer(settings);
  logBalancer(balancer, log);
  const stopped = new Promise<void>((resolve) => balancer.on("close", () => resolve()));
  onUserSignal(() => logTargets(balancer, log));
  const stop = (signal: NodeJS.Signals, before: number) => {
    if (before === 0) {
      const { active } = balancer.connections;
      const rest = `; ${connectionCount(active)} may finish within ${formatDuration(settings.drainTimeout)}`;
      log.info(`${signal}: stopping${active === 0 ? "" : rest}`, { signal, active });
      void balancer.close();
    } else {
      log.warning(`${signal} again: ending all connections now`, { signal });
      void balancer.close(0);
    }
  };
  onStopSignals(stop, { hangup: "ignored" }, log);
  try {
    await balancer.ready;
  } catch (error) {
    if (codeIsClosed(error)) return 0; // stopped while it was starting
    throw error;
  }
  await stopped;
  return 0;
});

function codeIsClosed(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "CLOSED";
}
