/** Where a target is whose reporter advertises another address than its own. */
import type { Registry } from "../../targets/registry.ts";
import type { Report, TargetOwner } from "../../targets/report.ts";
import { HarmonyError } from "../../util/errors.ts";
import { type Key, mayNotAdvertise } from "../keys/key.ts";

/** Host name → its IP addresses, for the holder of a key. Rejects with NetError, at `signal` at the latest. */
export type Resolve = (host: string, signal: AbortSignal, keyId: string) => Promise<readonly string[]>;

/**
 * The address to dial. A name is resolved here and nowhere else, and every address that it has is judged, so that what is dialled
 * is what was judged. Who may not advertise at all makes the balancer ask no resolver.
 */
export async function advertisedHost(
  owner: TargetOwner & { readonly key: Key },
  report: Report & { readonly advertise: string },
  { registry, resolve }: { readonly registry: Registry; readonly resolve: Resolve },
  signal: AbortSignal,
): Promise<string> {
  const reason = mayNotAdvertise(owner.key);
  if (reason !== null) throw new HarmonyError("FORBIDDEN", reason, { fault: "target" });
  const hosts = await resolved(report.advertise, (host) => resolve(host, signal, owner.key.id));
  for (const host of hosts) registry.judge(owner, report, host);
  return hosts[0]!;
}

async function resolved(host: string, resolve: (host: string) => ReturnType<Resolve>): Promise<readonly string[]> {
  try {
    return await resolve(host);
  } catch (cause) {
    const message = `the balancer cannot resolve the advertised host "${host}"`;
    throw new HarmonyError("UNRESOLVED", message, { fault: "target", retry: true, cause });
  }
}
