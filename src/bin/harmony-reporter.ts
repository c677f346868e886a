#!/usr/bin/env node
import { AgentServer } from "../app/agent-server.ts";
import { Reporter } from "../app/reporter.ts";
import { ReporterSocket } from "../app/reporter-socket.ts";
import { readTargets } from "../config/document/read-targets.ts";
import { loadReporter } from "../config/load.ts";
import type { ReporterSettings } from "../config/settings.ts";
import { counted } from "../util/counted.ts";
import { formatDuration } from "../util/durations.ts";
import { HarmonyError } from "../util/errors.ts";
import type { Log } from "./log.ts";
import { onDemandSettings, serveOnDemand } from "./on-demand/run.ts";
import { main } from "./program.ts";
import { reporterText } from "./program-texts.ts";
import { reporterCommands } from "./reporter-commands.ts";
import { logReporter } from "./reporter-log.ts";
import { exitText, isServed, ServerProcess } from "./server-process.ts";
import type { ServiceManager } from "./service-manager/manager.ts";
import { openServiceManager } from "./service-manager/open.ts";
import { tellOfReporter } from "./service-manager/reporter-status.ts";
import { onStopSignalsAndHangup } from "./signals.ts";

/** ms until a server that does not accept yet is worth a warning: few start more slowly, and a wrong port never accepts. */
const PATIENCE_MS = 10_000;

void main(
  reporterText,
  { all: reporterCommands, readFile: (path, problems) => readTargets(path, problems).top },
  loadReporter,
  async ({ settings, serverCommand }, log) => {
    if (settings.onDemand && serverCommand === null) throw noServer();
    const warn = (message: string) => log.warning(message);
    const agent = await AgentServer.open(settings, warn);
    const socket = await ReporterSocket.open(settings, warn);
    const desk = { settings, log, manager: openServiceManager(log), socket, agent };
    const code = await (serverCommand === null ? announce(desk) : runServer(desk, serverCommand));
    await agent.close();
    await socket.close();
    return code;
  },
);

function noServer(): HarmonyError {
  const text = "on-demand starts a server when somebody waits for it: give the command for that after --";
  return new HarmonyError("NO_COMMAND", text, { fault: "config" });
}

/** What each way of running works with. */
interface Desk {
  readonly settings: ReporterSettings;
  readonly log: Log;
  readonly manager: ServiceManager | null;
  readonly socket: ReporterSocket;
  readonly agent: AgentServer;
}

/** Reports a server that runs by itself, until a signal. */
async function announce(desk: Desk): Promise<number> {
  const { log } = desk;
  const reporter = openReporter(desk);
  await new Promise<void>((resolve) => {
    const stop = (signal: NodeJS.Signals, before: number) => {
      log.info(before === 0 ? `${signal}: draining` : `${signal} again: leaving now`, { signal });
      if (before === 0) void drain(reporter, desk).then(resolve);
      else resolve();
    };
    onStopSignalsAndHangup(stop, log);
  });
  await reporter.close();
  return 0;
}

function runServer(desk: Desk, command: readonly string[]): Promise<number> {
  if (!desk.settings.onDemand) return serve(desk, command);
  const settings = onDemandSettings(desk.settings);
  const reporter = openReporter({ ...desk, settings });
  return serveOnDemand({ ...desk, settings, reporter, drain: () => drain(reporter, desk) }, command);
}

/** Runs the server, and reports it from when its port accepts until it is to stop. */
async function serve(desk: Desk, command: readonly string[]): Promise<number> {
  const { settings, log, manager } = desk;
  const { port } = settings.targets[0]!; // the only one: see loadReporter()
  const server = new ServerProcess(command, port);
  manager?.status(() => `Waiting for the server to accept connections on port ${port}`);
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
    if (reporter !== null) await drain(reporter, desk);
    await reporter?.close();
    manager?.status(() => "Stopping the server");
    server.kill("SIGTERM");
  };
  const onSlow = () => log.warning(notYet(port), { port });
  void server.accepting(port, PATIENCE_MS, onSlow).then((accepts) => {
    if (accepts && !stopping) reporter = openReporter(desk);
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

function openReporter({ settings, log, manager, socket, agent }: Desk): Reporter {
  const reporter = new Reporter(settings);
  socket.show(reporter);
  agent.show(reporter);
  if (manager !== null) tellOfReporter(reporter, manager);
  logReporter(reporter, settings.targets.length > 1, log);
  return reporter;
}

async function drain(reporter: Reporter, { settings, log, manager }: Desk): Promise<void> {
  const { drainTimeout } = settings;
  manager?.stopping(() => "Draining", drainTimeout);
  if (drainTimeout === 0) return;
  const results = await reporter.drain();
  const left = results.reduce((sum, { active }) => sum + (active ?? 0), 0);
  if (left > 0) {
    log.warning(`${counted(left, "connection")} did not finish within ${formatDuration(drainTimeout)}`, {
      connections: left,
    });
  }
}
