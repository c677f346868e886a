/** Which route a connection takes, by the server name and the protocols that its client asks for. */
import type { RouteRule } from "./rules.ts";

/** Of the routes with the same name: by a protocol that the client offers, and without any. The first in the document is kept. */
class Choice {
  readonly #byProtocol = new Map<string, number>();
  #plain = -1;

  add(alpn: readonly string[], route: number): void {
    if (alpn.length === 0 && this.#plain < 0) this.#plain = route;
    for (const protocol of alpn) if (!this.#byProtocol.has(protocol)) this.#byProtocol.set(protocol, route);
  }

  /** Those with a protocol come first, and among them the order of the document decides, not that of the client. -1: none. */
  find(alpn: readonly string[]): number {
    let first = -1;
    if (this.#byProtocol.size > 0) {
      for (const protocol of alpn) {
        const route = this.#byProtocol.get(protocol) ?? -1;
        if (route >= 0 && (first < 0 || route < first)) first = route;
      }
    }
    return first < 0 ? this.#plain : first;
  }
}

/**
 * A route with the exact name wins over a wildcard, the longest wildcard over shorter ones, and any name over none at all; one that
 * matches by name but not by protocol is passed over, for a less exact one. How many names there are costs nothing.
 */
export class RouteTable {
  readonly #exact = new Map<string, Choice>();
  /** By what stands behind "*.". */
  readonly #wildcards = new Map<string, Choice>();
  readonly #anyName = new Choice();

  /** In the order of the document; a route's number is its place in there. */
  constructor(rules: readonly RouteRule[]) {
    rules.forEach(({ names, alpn }, route) => {
      if (names.length === 0) this.#anyName.add(alpn, route);
      for (const name of names) {
        if (name.startsWith("*.")) choiceOf(this.#wildcards, name.slice(2)).add(alpn, route);
        else choiceOf(this.#exact, name).add(alpn, route);
      }
    });
  }

  /** `serverName` as ClientFacts.serverName. -1: no route takes it. */
  find(serverName: string | null, alpn: readonly string[]): number {
    if (serverName !== null) {
      const route = this.#exact.get(serverName)?.find(alpn) ?? -1;
      if (route >= 0) return route;
      const wild = this.#wildcards.size === 0 ? -1 : this.#findWildcard(serverName, alpn);
      if (wild >= 0) return wild;
    }
    return this.#anyName.find(alpn);
  }

  /** For something that is no TLS: the first route that asks for neither name nor protocol. -1: there is none. */
  findPlain(): number {
    return this.#anyName.find([]);
  }

  #findWildcard(serverName: string, alpn: readonly string[]): number {
    for (let dot = serverName.indexOf("."); dot >= 0; dot = serverName.indexOf(".", dot + 1)) {
      const route = this.#wildcards.get(serverName.slice(dot + 1))?.find(alpn) ?? -1;
      if (route >= 0) return route;
    }
    return -1;
  }
}

function choiceOf(choices: Map<string, Choice>, name: string): Choice {
  const known = choices.get(name);
  if (known !== undefined) return known;
  const choice = new Choice();
  choices.set(name, choice);
  return choice;
}
