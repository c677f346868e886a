/** What the reporter's program logs. Trouble comes as an event when it begins or changes, so each event is worth a line. */
import type { AnnouncedTarget, Reporter } from "../app/reporter.ts";
import type { TcpAddress } from "../net/runtime.ts";
import { formatAddress } from "../util/address.ts";
import type { Log } from "./log.ts";
import { partText } from "./terminal/units.ts";

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
  reporter.on("unwakeable", (balancer, { pool }) => {
    log.warning(
      `${name(balancer)} has taken the target in, and does not wake it: it is of an older version, which has to be replaced; its clients get no target of pool ${pool} that is asleep`,
      { balancer: name(balancer), pool },
    );
  });
  reporter.on("inexact", (balancer, { pool, port }) => {
    log.warning(
      `${name(balancer)} is of an older version, which cannot share the limit of connections with other balancers exactly: it gets a part of it, and all together may exceed it; it has to be replaced`,
      { balancer: name(balancer), pool, port },
    );
  });
  reporter.on("health", (announced, health, reason) => {
    const say = health === "up" ? log.info : log.warning;
    const text = `${several ? nameOf(announced) : "the server"} is reported as ${health}: ${reason}`;
    say(text, { pool: announced.pool, port: announced.port, health });
  });
  reporter.on("lost", (balancer, { code, reason }) => {
    log.warning(`no connection with ${name(balancer)}: ${reason}; trying again`, { balancer: name(balancer), code });
  });
  reporter.on("goodbye", (balancer, { code, reason }) => {
    const say = code === "REPLACED" ? log.warning : log.info;
    say(`${name(balancer)} says goodbye: ${reason}; trying again`, { balancer: name(balancer), code });
  });
  reporter.on("weight", (weight, headroom, announced) => {
    const why = headroom === null ? "what is left cannot be told" : `${partText(headroom)} left`;
    log.debug(`the weight of ${nameOf(announced)} is now ${weight}: ${why}`, { ...placeOf(announced), weight });
  });
  reporter.on("unmeasured", (reason, announced) => {
    const name = nameOf(announced);
    if (reason === null) log.info(`the weight of ${name} follows what is left again`, placeOf(announced));
    else
      log.warning(
        `what is left for ${name} cannot be told, and its weight stays as it is: ${reason}; tried again`,
        placeOf(announced),
      );
  });
  reporter.on("close", () => log.info("left"));
}

function placeOf({ pool, port }: AnnouncedTarget): { pool: string; port: number } {
  return { pool, port };
}

/** As the balancer would name it, as far as it can be told from here. */
function nameOf({ pool, port, id }: AnnouncedTarget): string {
  return id === null ? `the target on port ${port} in pool ${pool}` : `target ${pool}/${id}`;
}
