/** What the reporter's program logs. Trouble comes as an event when it begins or changes, so each event is worth a line. */
import type { AnnouncedTarget, Reporter } from "../app/reporter.ts";
import type { TcpAddress } from "../net/runtime.ts";
import { formatAddress } from "../util/address.ts";
import type { Log } from "./log.ts";

/** `several`: there are several targets, so that lines have to say which they are about. */
export function logReporter(reporter: Reporter, several: boolean, log: Log): void {
  const name = ({ host, port }: TcpAddress) => formatAddress({ host, port });
  reporter.on("connected", (balancer, software) => {
    log.debug(`connected to ${name(balancer)} (${software.name} ${software.version})`, { balancer: name(balancer) });
  });
  reporter.on("registered", (balancer, target) => {
    log.info(`registered with ${name(balancer)} as ${target}`, { balancer: name(balancer), target });
  });
  reporter.on("rejected", (balancer, { code, reason }, announced) => {
    const say = code === "REPLACED" ? log.warning : log.error;
    const what = several && announced !== null ? nameOf(announced) : "this reporter";
    say(`${name(balancer)} rejects ${what}: ${reason}; it is asked again`, {
      balancer: name(balancer),
      code,
      ...(announced && { pool: announced.pool, port: announced.port }),
    });
  });
  reporter.on("unopened", (balancer, listen, { pool }) => {
    log.warning(
      `${name(balancer)} has taken the target in, and has not opened port ${listen} for pool ${pool}: it is of an older version, which has to be replaced`,
      { balancer: name(balancer), listen, pool },
    );
  });
  reporter.on("lost", (balancer, { code, reason }) => {
    log.warning(`no connection with ${name(balancer)}: ${reason}; trying again`, { balancer: name(balancer), code });
  });
  reporter.on("goodbye", (balancer, { code, reason }) => {
    const say = code === "REPLACED" ? log.warning : log.info;
    say(`${name(balancer)} says goodbye: ${reason}; trying again`, { balancer: name(balancer), code });
  });
  reporter.on("close", () => log.info("left"));
}

/** As the balancer would name it, as far as it can be told from here. */
function nameOf({ pool, port, id }: AnnouncedTarget): string {
  return id === null ? `the target on port ${port} in pool ${pool}` : `target ${pool}/${id}`;
}
