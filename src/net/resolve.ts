import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { NetError, netError, toNetError } from "./net-error.ts";

/** ms. The longest that a resolver takes by its defaults: two attempts of 5 s at each of three servers. */
const RESOLVER_MS = 30_000;

export interface ResolveOptions {
  /** ms */
  readonly timeout?: number;
  /** Nobody waits for the answer any more. */
  readonly signal?: AbortSignal;
  /** `over`: fires when it has answered, or nobody waits for that any more. */
  readonly lookup?: (host: string, over: AbortSignal) => Promise<readonly { readonly address: string }[]>;
}

/**
 * Host name → its IP addresses, at least one, as the system orders them; an address is returned as it is. Rejects with a NetError
 * whose message begins with `doing`, after `timeout` ms at the latest, since a resolver can be configured to take any time, and with
 * EABORTED at `signal`. The system's own look-up cannot be stopped: its answer is then not heard.
 */
export async function resolveAll(
  host: string,
  doing: string,
  { timeout = RESOLVER_MS, signal, lookup = systemLookup }: ResolveOptions = {},
): Promise<readonly string[]> {
  if (isIP(host) !== 0) return [host];
  let timer: ReturnType<typeof setTimeout> | undefined;
  let onAbort = (): void => undefined;
  const over = new AbortController();
  const givenUp = new Promise<never>((_, reject) => {
    const message = `${doing}: no answer from the resolver within ${timeout / 1000} s`;
    timer = setTimeout(() => reject(new NetError("ETIMEDOUT", message)), timeout);
    onAbort = () => reject(signal?.reason);
    signal?.addEventListener("abort", onAbort);
  });
  try {
    signal?.throwIfAborted();
    const found = await Promise.race([lookup(host, over.signal), givenUp]);
    if (found.length === 0) throw netError("ENOTFOUND", doing);
    return found.map(({ address }) => address);
  } catch (error) {
    throw toNetError(error, doing);
  } finally {
    clearTimeout(timer);
    over.abort();
    signal?.removeEventListener("abort", onAbort);
  }
}

/** The first of resolveAll(). */
export async function resolveHost(host: string, doing: string, options: ResolveOptions = {}): Promise<string> {
  return (await resolveAll(host, doing, options))[0]!;
}

export function systemLookup(host: string): Promise<readonly { readonly address: string }[]> {
  return lookup(host, { all: true });
}
