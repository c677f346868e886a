import { lookup } from "node:dns/promises";
import { isIP } from "node:net";

/** An IP address to listen on, for a name or an address. Rejects with the resolver's error, which listening itself would blur. */
export async function resolveLocal(host: string): Promise<string> {
  return isIP(host) === 0 ? (await lookup(host)).address : host;
}
