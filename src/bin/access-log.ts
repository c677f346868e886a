/** The access log of the balancer's program, as the document in force has it. */
import type { Balancer } from "../app/balancer.ts";
import type { BalancerSettings } from "../config/settings.ts";
import type { CloseRecord } from "../proxy/record.ts";
import { AccessLog } from "../telemetry/access-log/access-log.ts";
import { systemClock } from "../util/clock.ts";
import { messageOf } from "../util/errors.ts";
import { isJournal, prefixed } from "./journal.ts";
import type { Log } from "./log.ts";

/** Throws HarmonyError where it cannot be opened. */
export function openAccessLog(settings: BalancerSettings, log: Log): AccessLog {
  return new AccessLog(settings, {
    clock: systemClock,
    onWarning: (text, facts) => log.warning(text, facts),
    prefix: isJournal() ? prefixed("info", "") : "",
  });
}

/** Writes what happens from now on. Nobody listens where it is off. */
export function logAccess(balancer: Balancer, accessLog: AccessLog, log: Log): void {
  const add = (record: CloseRecord) => accessLog.add(record);
  const follow = () => {
    balancer.off("connectionClose", add);
    if (accessLog.isOn) balancer.on("connectionClose", add);
  };
  balancer.on("reloaded", () => {
    try {
      accessLog.change(balancer.settings);
    } catch (error) {
      log.error(`${messageOf(error)}; it goes on where it was`, {});
    }
    follow();
  });
  follow();
}

/** At SIGUSR1. */
export function reopenAccessLog(accessLog: AccessLog, log: Log): void {
  const { path } = accessLog;
  const text = accessLog.reopen()
    ? `SIGUSR1: opening the access log ${path} again`
    : "SIGUSR1: there is no access log to open again (--access-log); SIGUSR2 logs the table of targets";
  log.info(text, { signal: "SIGUSR1", path });
}
