/** The way to the service manager that started this program, where there is one. */
import { runtime } from "#runtime";
import { type Datagrams, openDatagrams } from "../../engines/linux/sys/datagrams.ts";
import { systemClock } from "../../util/clock.ts";
import { messageOf } from "../../util/errors.ts";
import type { Log } from "../log.ts";
import { ServiceManager } from "./manager.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** Null where nobody asks to be told, or nobody can be, which is logged with what to do. */
export function openServiceManager(log: Log, env: Environment = process.env): ServiceManager | null {
  const path = env.NOTIFY_SOCKET;
  if (!path) return null;
  const datagrams = open(path, log);
  if (datagrams === null) return null;
  return new ServiceManager({
    send: sender(datagrams, log),
    clock: systemClock,
    monotonic: () => 1_000 * datagrams.now(),
    watchdog: watchdogOf(env, process.pid),
  });
}

function open(path: string, log: Log): Datagrams | null {
  let why = `${runtime.name} cannot send datagrams to a Unix socket`;
  try {
    const datagrams = openDatagrams(path);
    if (datagrams !== null) return datagrams;
  } catch (error) {
    why = messageOf(error);
  }
  const advice =
    "systemd waits for a word that does not come: use the compiled programs or Node 26 with --experimental-ffi, or Type=exec in the unit";
  log.warning(`cannot tell the service manager how this program is (NOTIFY_SOCKET): ${why}; ${advice}`);
  return null;
}

/** What cannot be sent is lost, and said once until sending works again. */
function sender(datagrams: Datagrams, log: Log): (text: string) => boolean {
  let failing = false;
  return (text) => {
    try {
      const taken = datagrams.send(text);
      failing = false;
      return taken;
    } catch (error) {
      if (!failing) log.warning(`cannot tell the service manager how this program is: ${messageOf(error)}`);
      failing = true;
      return true;
    }
  };
}

/** ms; null: there is none, or it watches another process of the service. */
export function watchdogOf({ WATCHDOG_USEC, WATCHDOG_PID }: Environment, pid: number): number | null {
  if (WATCHDOG_PID && WATCHDOG_PID !== String(pid)) return null;
  return /^[1-9]\d*$/.test(WATCHDOG_USEC ?? "") ? Number(WATCHDOG_USEC) / 1_000 : null;
}
