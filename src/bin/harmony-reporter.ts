#!/usr/bin/env node
import { Reporter } from "../app/reporter.ts";
import { readTargets } from "../config/document/read-targets.ts";
import { loadReporter } from "../config/load.ts";
import type { ReporterSettings } from "../config/settings.ts";
import { formatDuration } from "../util/durations.ts";
import { counted, type Log } from "./log.ts";
import { main, otherPlaces } from "./program.ts";
import { reporterCommands } from "./reporter-commands.ts";
import { logReporter } from "./reporter-log.ts";
import { exitText, isServed, ServerProcess } from "./server-process.ts";
import { onStopSignalsAndHangup } from "./signals.ts";

const PROGRAM = {
  name: "harmony-reporter",
  usage: "[options] [-- COMMAND ARGS…]",
  summary:
    "Tells a harmony-balancer that a server runs here, keeps saying so, and drains before it leaves. With a COMMAND it starts " +
    "that server with PORT in its environment, reports once that port accepts, and exits with its code.",
  footer: [
    otherPlaces("HARMONY_BALANCE=1000", "--balance 1000"),
    "SIGTERM and SIGINT take no new connections, wait until open ones have finished, leave the balancer, and exit with 0. With " +
      "a COMMAND they pass SIGTERM on to it and exit with its code. A second one leaves at once. SIGHUP does the same if the " +
      "terminal is gone, and is ignored otherwise.",
    "Exit codes: 0 it was stopped, 1 it could not go on, 2 the options are wrong, or the code of the COMMAND.\n",
  ].join("\n"),
};

/** ms until a server that does not accept yet is worth a warning: few start more slowly, and a wrong port never accepts. */
const PATIENCE_MS = 10_000;

void main(
  PROGRAM,
  { all: reporterCommands, readFile: (path, problems) => readTargets(path, problems).top },
  loadReporter,
  ({ settings, serverCommand }, log) =>
    serverCommand === null ? announce(settings, log) : serve(settings, serverCommand, log),
);

/** Reports a server that runs by itself, until a signal. */
async function announce(settings: ReporterSettings, log: Log): Promise<number> {
  const reporter = openReporter(settings, log);
  await new Promise<void>((resolve) => {
    const stop = (signal: NodeJS.Signals, before: number) => {
      log.info(before === 0 ? `${signal}: draining` : `${signal} again: leaving now`, { signal });
      if (before === 0) void drain(reporter, settings, log).then(resolve);
      else resolve();
    };
    onStopSignalsAndHangup(stop, log);
  });
  await reporter.close();
  return 0;
}

/** Runs the server, and reports it from when its port accepts until it is to stop. */
async function serve(settings: ReporterSettings, command: readonly string[], log: Log): Promise<number> {
  const { port } = settings.targets[0]!; // the only one: see loadReporter()
  const server = new ServerProcess(command, port);
  let reporter: Reporter | null = null;
  let stopping = false;
  const onSignal = (signal: NodeJS.Signals, before: number) => {
    stopping = true;
    if (before === 0) void stop(signal);
    else server.kill(before === 1 ? "SIGTERM" : "SIGKILL");
  };
  onStopSignalsAndHangup(onSignal, log);
  const stop = async (signal: NodeJS.Signals) => {
    log.info(`${signal}: draining before the server is stopped`, { signal });
    if (reporter !== null) await drain(reporter, settings, log);
    await reporter?.close();
    server.kill("SIGTERM");
  };
  const onSlow = () => log.warning(notYet(port), { port });
  void server.accepting(port, PATIENCE_MS, onSlow).then((accepts) => {
    if (accepts && !stopping) reporter = openReporter(settings, log);
  });
  const code = await server.ended;
  const left = (reporter as Reporter | null)?.close();
  if (!stopping) log.warning(await endText(code, port), { exitCode: code });
  await left;
  return code;
}

async function endText(code: number, port: number): Promise<string> {
  const text = `the server has ended by itself with code ${exitText(code)}`;
  if (!(await isServed(port))) return text;
  return `${text}; something still accepts connections on port ${port}, and is not reported: an earlier server that still runs, or one that has put itself into the background (ss -ltnp says which)`;
}

function notYet(port: number): string {
  return `the server accepts no connections on port ${port} yet, and is reported once it does: is that the port that it listens on (--port, which it finds as PORT in its environment)?`;
}

function openReporter(settings: ReporterSettings, log: Log): Reporter {
  const reporter = new Reporter(settings);
  logReporter(reporter, settings.targets.length > 1, log);
  return reporter;
}

async function drain(reporter: Reporter, { drainTimeout }: ReporterSettings, log: Log): Promise<void> {
  if (drainTimeout === 0) return;
  const results = await reporter.drain();
  const left = results.reduce((sum, { active }) => sum + (active ?? 0), 0);
  if (left > 0) {
    log.warning(`${counted(left, "connection")} did not finish within ${formatDuration(drainTimeout)}`, {
      connections: left,
    });
  }
}
