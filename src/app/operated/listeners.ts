/** Where clients come, as the API shows it. */
import type { Listener } from "../../admin/api/schemas/pools.ts";
import { plain } from "../../admin/shown-settings.ts";
import { formatAddress } from "../../util/address.ts";
import type { ServedListener, Services } from "../services.ts";
import { edgeBytes, refusalsOf } from "./edges.ts";

export function shownListeners({ listeners, state }: Services): Listener[] {
  return listeners.map(({ address, edge, listener, pool, pools, tls }) => {
    const { listen: _, routes, ...options } = state.listeners.get(listener)!;
    return {
      name: listener,
      address: formatAddress(address),
      pool,
      pools: [...pools],
      routes: routes.map((route) => ({ ...route, names: [...route.names], alpn: [...route.alpn] })),
      keepaliveMs: options.keepalive,
      options: plain(options) as Listener["options"],
      refusals: edge && refusalsOf(edge.rules),
      tls: tls && shownTls(tls),
      edgeBytes: edge === null ? 0 : edgeBytes(edge.rules),
    };
  });
}

function shownTls({ certificates, counts }: NonNullable<ServedListener["tls"]>): NonNullable<Listener["tls"]> {
  return {
    ...counts,
    certificates: certificates.map(({ file, names, notAfter }) => {
      return { file, names: [...names], notAfter: new Date(notAfter).toISOString() };
    }),
  };
}
