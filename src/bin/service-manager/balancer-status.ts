/** What the service manager is told of a balancer. */
import type { Balancer } from "../../app/balancer.ts";
import { counted } from "../../util/counted.ts";
import type { ServiceManager } from "./manager.ts";

/** To be called before the balancer is ready. */
export function tellOfBalancer(balancer: Balancer, manager: ServiceManager): void {
  let changes = 0;
  manager.status(() => "Starting");
  balancer.on("listening", () => {
    manager.status(() => servingText(balancer));
    manager.ready();
  });
  balancer.on("error", ({ message }) => manager.status(() => `Could not start: ${message}`));
  balancer.on("reloading", () => {
    changes++;
    manager.reloading();
  });
  const changed = () => {
    // One that was asked for before the start has failed, or after the end has begun, is refused without having begun.
    if (changes > 0 && --changes === 0) manager.ready();
  };
  balancer.on("reloaded", changed);
  balancer.on("reloadFailed", changed);
}

/** `most`: ms that its connections may take to finish. */
export function tellOfStop(balancer: Balancer, manager: ServiceManager, most: number): void {
  manager.stopping(() => `Stopping: ${counted(balancer.connections.active, "connection")} left`, most);
}

function servingText(balancer: Balancer): string {
  const targets = balancer.targets();
  const up = targets.filter(({ state }) => state === "up").length;
  const { active, waiting } = balancer.connections;
  return `Serving: ${up} of ${counted(targets.length, "target")} up, ${counted(active, "connection")}, ${waiting} waiting`;
}
