/** What the service manager is told of a reporter. */
import type { Reporter } from "../../app/reporter.ts";
import { formatAddress } from "../../util/address.ts";
import { counted } from "../../util/counted.ts";
import type { ServiceManager } from "./manager.ts";

/** Ready as soon as it runs: the balancer need not be there, and is tried for ever. */
export function tellOfReporter(reporter: Reporter, manager: ServiceManager): void {
  const balancers = new Map<string, string>();
  const registered = new Map<string, Set<string>>();
  const say = (balancer: string, text: string) => {
    balancers.set(balancer, text);
    manager.status(() => [...balancers].map(([name, what]) => `${name}: ${what}`).join("; "));
  };
  manager.status(() => "Connecting");
  reporter.on("registered", (to, target) => {
    const balancer = formatAddress(to);
    const all = registered.get(balancer) ?? new Set();
    registered.set(balancer, all.add(target));
    say(balancer, `${counted(all.size, "target")} registered`);
  });
  for (const trouble of ["lost", "goodbye"] as const) {
    reporter.on(trouble, (to, { reason }) => {
      registered.delete(formatAddress(to));
      say(formatAddress(to), reason);
    });
  }
  reporter.on("rejected", (to, { reason }) => say(formatAddress(to), `rejected: ${reason}`));
  manager.ready();
}
