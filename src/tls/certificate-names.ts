/** Which of several certificates is for the name that a client asks for. */
import { plainServerName } from "../edge/server-name.ts";

/** Of their names, which are lower-case: an exact one, or else "*." for any one label; of two with the same, the first. */
export class CertificateNames {
  readonly #exact = new Map<string, number>();
  /** By what follows the star. */
  readonly #wildcards = new Map<string, number>();

  constructor(certificates: readonly { readonly names: readonly string[] }[]) {
    for (const [n, { names }] of certificates.entries()) {
      for (const name of names) {
        const [map, key] = name.startsWith("*.") ? [this.#wildcards, name.slice(1)] : [this.#exact, name];
        if (!map.has(key)) map.set(key, n);
      }
    }
  }

  /** The place of the certificate; that of the first, 0, where none is for it. */
  find(serverName: string): number {
    const name = plainServerName(serverName);
    const exact = this.#exact.get(name);
    if (exact !== undefined) return exact;
    const dot = name.indexOf(".");
    return (dot > 0 ? this.#wildcards.get(name.slice(dot)) : undefined) ?? 0;
  }
}
