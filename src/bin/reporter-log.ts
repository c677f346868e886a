/** What the reporter's program logs. Trouble comes as an event when it begins or changes, so each event is worth a line. */
import type { Reporter } from "../app/reporter.ts";
import type { TcpAddress } from "../net/runtime.ts";
import { formatAddress } from "../util/address.ts";
import type { Log } from "./log.ts";

export function logReporter(reporter: Reporter, log: Log): void {
  const name = ({ host, port }: TcpAddress) => formatAddress({ host, port });
  reporter.on("connected", (balancer, software) => {
    log.debug(`connected to ${name(balancer)} (${software.name} ${software.version})`, { balancer: name(balancer) });
  });
  reporter.on("registered", (balancer, target) => {
    log.info(`registered with ${name(balancer)} as ${target}`, { balancer: name(balancer), target });
  });
  reporter.on("rejected", (balancer, { code, reason }) => {
    const say = code === "REPLACED" ? log.warning : log.error;
    say(`${name(balancer)} rejects this reporter: ${reason}; it is asked again`, {
      balancer: name(balancer),
      code,
    });
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
