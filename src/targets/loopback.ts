import { parseIp } from "../net/ip.ts";

/** Stands for this host in the name of a target, whichever loopback address the reporter's "localhost" led over. */
export const THIS_HOST = "127.0.0.1";
/** Whether a reporter seen at this address is on the balancer's own host. */
export function isThisHost(seen: string): boolean {
  return parseIp(seen)?.range() === "loopback";
}
