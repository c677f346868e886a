import { lookup } from "node:dns/promises";
import { parseIp } from "../net/ip.ts";
import { HarmonyError } from "../util/errors.ts";

/** ms. A resolver that is down may otherwise take half a minute, longer than many leases. */
const RESOLVE_TIMEOUT_MS = 5_000;

/** Name → IP literal (literals as they are). Throws `UNRESOLVED`, which a retry can help. */
export async function resolveHost(host: string): Promise<string> {
  if (parseIp(host) !== null) return host;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("no answer from the resolver")), RESOLVE_TIMEOUT_MS);
  });
  try {
    return (await Promise.race([lookup(host), timeout])).address;
  } catch (cause) {
    throw new HarmonyError("UNRESOLVED", `the balancer cannot resolve the advertised host "${host}"`, {
      fault: "target",
      retry: true,
      cause,
    });
  } finally {
    clearTimeout(timer);
  }
}
