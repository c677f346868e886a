/** What a balancer's settings want of an engine. */
import type { BalancerSettings } from "../config/settings.ts";
import { wantedSockets } from "../config/socket-settings.ts";
import type { EngineWish } from "../engines/engine.ts";

/** Where clients speak TLS, others listen in front of it. */
export function engineWish({ listeners, pools }: BalancerSettings): EngineWish {
  const own = [...listeners.values()].filter(({ tls }) => tls === "off");
  return { listen: own.flatMap(({ listen }) => listen), sockets: wantedSockets(listeners.values(), pools.values()) };
}
