#!/usr/bin/env node
import "./first-signals.ts";

import { resolve } from "node:path";
import { Balancer } from "../app/balancer.ts";
import { documentFilesOf, readDocument } from "../config/document/read-document.ts";
import { loadBalancer } from "../config/load.ts";
import { formatDuration } from "../util/durations.ts";
import { codeOf } from "../util/errors.ts";
import { balancerCommands } from "./balancer-commands.ts";
import { logBalancer, logTargets } from "./balancer-log.ts";
import { counted } from "./log.ts";
import { main, otherPlaces } from "./program.ts";
import { onHangup, onStopSignals, onUserSignal } from "./signals.ts";

const PROGRAM = {
  name: "harmony-balancer",
  usage: "[COMMAND] [options]",
  summary: "Balances TCP connections over targets that register themselves (see harmony-reporter).",
  footer: `${otherPlaces("HARMONY_QUEUE_TIMEOUT=5s", "--queue-timeout 5s")}
SIGTERM and SIGINT stop accepting, let open connections finish, and exit with 0. A second one ends the connections at once.
SIGUSR1 and SIGUSR2 log the table of targets. SIGHUP reads the file again, as harmony-balancer reload does.
Exit codes: 0 it was stopped, 1 it could not go on, 2 the options are wrong.
`,
};

const readFile = (path: string, problems: string[]) => readDocument(path, problems).top;

void main(PROGRAM, { all: balancerCommands, readFile }, loadBalancer, async ({ settings, reread }, log) => {
  const { config } = settings;
  const files = config === null ? () => [] : documentFilesOf(config);
  const balancer = new Balancer(settings, { read: reread, files });
  balancer.on("reloaded", () => log.setLevel(balancer.settings.logLevel));
  logBalancer(balancer, log);
  const stopped = new Promise<void>((resolve) => balancer.on("close", () => resolve()));
  onUserSignal(() => logTargets(balancer, log));
  const stop = (signal: NodeJS.Signals, before: number) => {
    if (before === 0) {
      const { active } = balancer.connections;
      const rest = `; ${counted(active, "connection")} may finish within ${formatDuration(settings.drainTimeout)}`;
      log.info(`${signal}: stopping${active === 0 ? "" : rest}`, { signal, active });
      void balancer.close();
    } else {
      log.warning(`${signal} again: ending all connections now`, { signal });
      void balancer.close(0);
    }
  };
  onStopSignals(stop);
  onHangup(() => {
    const what = config === null ? "there is no file to read again (--config)" : `reading ${resolve(config)} again`;
    log.info(`SIGHUP: ${what}`, { signal: "SIGHUP" });
    void balancer.reload().catch(() => undefined); // logged by its event
  });
  try {
    await balancer.ready;
  } catch (error) {
    if (codeOf(error) === "CLOSED") return 0; // stopped while it was starting
    throw error;
  }
  await stopped;
  return 0;
});
