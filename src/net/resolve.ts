import { lookup as systemLookup } from "node:dns/promises";
import { isIP } from "node:net";
import { NetError, toNetError } from "./net-error.ts";

/** ms. The longest that a resolver takes by its defaults: two attempts of 5 s at each of three servers. */
const RESOLVER_MS = 30_000;

/**
 * Host name → IP address; an address is returned as it is. Rejects with a NetError whose message begins with `doing`, after
 * `timeout` ms at the latest, since a resolver can be configured to take any time.
 */
export async function resolveHost(
  host: string,
  doing: string,
  timeout: number = RESOLVER_MS,
  lookup: (host: string) => Promise<{ address: string }> = systemLookup,
): Promise<string> {
  if (isIP(host) !== 0) return host;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    const message = `${doing}: no answer from the resolver within ${timeout / 1000} s`;
    timer = setTimeout(() => reject(new NetError("ETIMEDOUT", message)), timeout);
  });
  try {
    return (await Promise.race([lookup(host), late])).address;
  } catch (error) {
    throw toNetError(error, doing);
  } finally {
    clearTimeout(timer);
  }
}
