#!/usr/bin/env node
import "./first-signals.ts";

import { resolve } from "node:path";
import { Balancer } from "../app/balancer.ts";
import { documentFilesOf, readDocument } from "../config/document/read-document.ts";
import { loadBalancer } from "../config/load.ts";
import { codeOf } from "../util/errors.ts";
import { logAccess, openAccessLog, reopenAccessLog } from "./access-log.ts";
import { balancerCommands } from "./balancer-commands.ts";
import { logBalancer, logTargets } from "./balancer-log.ts";
import { main } from "./program.ts";
import { balancerText } from "./program-texts.ts";
import { tellOfBalancer, tellOfStop } from "./service-manager/balancer-status.ts";
import { openServiceManager } from "./service-manager/open.ts";
import { onHangup, onStopSignals, onUserSignals } from "./signals.ts";
import { stopText } from "./stop-text.ts";

const readFile = (path: string, problems: string[]) => readDocument(path, problems).top;

void main(balancerText, { all: balancerCommands, readFile }, loadBalancer, async ({ settings, reread, parse }, log) => {
  const { config } = settings;
  const files = config === null ? () => [] : documentFilesOf(config);
  const accessLog = openAccessLog(settings, log);
  const balancer = new Balancer(settings, { read: reread, parse, files });
  for (const event of ["reloaded", "logLevel"] as const) balancer.on(event, () => log.setLevel(balancer.logLevel));
  logBalancer(balancer, log);
  logAccess(balancer, accessLog, log);
  const manager = openServiceManager(log);
  if (manager !== null) tellOfBalancer(balancer, manager);
  const stopped = new Promise<void>((resolve) => balancer.on("close", () => resolve()));
  onUserSignals(
    () => reopenAccessLog(accessLog, log),
    () => logTargets(balancer, log),
  );
  const stop = (signal: NodeJS.Signals, before: number) => {
    if (before === 0) {
      const { active } = balancer.connections;
      const { stopDelay, drainTimeout } = settings;
      log.info(`${signal}: ${stopText(active, settings)}`, { signal, active });
      if (manager !== null) tellOfStop(balancer, manager, stopDelay + drainTimeout);
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
  await accessLog.close();
  return 0;
});
