/** What is told of a listener in short, by commands and the page alike. */

interface ShownTls {
  /** RFC 3339 texts in UTC. */
  readonly certificates: readonly { readonly notAfter: string }[];
}

/** The reasons for which clients were turned away, the most frequent first. */
export function refusedBy(refusals: Readonly<Record<string, number>> | null): [reason: string, clients: number][] {
  return Object.entries(refusals ?? {})
    .filter(([, clients]) => clients > 0)
    .sort(([, a], [, b]) => b - a);
}

/** The day from which on one of its certificates is not valid any more; null: it has none. */
export function expiresOn(tls: ShownTls | null): string | null {
  const [soonest] = (tls?.certificates ?? []).map(({ notAfter }) => notAfter).sort();
  return soonest?.slice(0, "2026-11-30".length) ?? null;
}
