/** What a document says of a listener's routes, checked: pools that are there, TLS that the listener has, no route that nobody reaches. */
import { type RouteValues, routeOptions } from "../route-options.ts";
import type { Route } from "../settings.ts";
import { suggestion } from "../suggest.ts";
import { type Source, valuesFrom } from "../values.ts";

export interface WrittenRoute extends RouteValues {
  /** Where its pool is said. */
  readonly at: string;
}

/** Of what is right: a reader has judged it. */
export function writtenRoute(source: Source, at: string): WrittenRoute {
  return { ...valuesFrom(routeOptions, [source], []), at: source.get("pool")?.at ?? at };
}

/** `isTls`: the listener decrypts. What is wrong goes to `problems`. */
export function completeRoutes(
  written: readonly (WrittenRoute | null)[],
  pools: ReadonlyMap<string, unknown>,
  isTls: boolean,
  problems: string[],
): readonly Route[] {
  const reached = new Set<string>();
  const right = written.filter((route) => route !== null);
  return right.map(({ at, pool, name, alpn, tls }): Route => {
    if (!pools.has(pool))
      problems.push(`${at}: there is no pool ${JSON.stringify(pool)}${suggestion(pool, pools.keys())}`);
    if (tls === "terminate" && !isTls)
      problems.push(`${at}: tls = "terminate": this listener has no certificate: give it tls, or leave this out`);
    const wanted = conditions(name, alpn);
    if (wanted.every((each) => reached.has(each)))
      problems.push(`${at}: no client comes to this route: those before it take all of them`);
    for (const each of wanted) reached.add(each);
    return { pool, names: name, alpn, tls: tls ?? (isTls ? "terminate" : "pass") };
  });
}

/** Each pair of a name and a protocol that leads to the route. */
function conditions(names: readonly string[], alpn: readonly string[]): string[] {
  const [eachName, eachProtocol] = [names, alpn].map((all) => (all.length === 0 ? [""] : all)) as [string[], string[]];
  return eachName.flatMap((name) => eachProtocol.map((protocol) => `${name} ${protocol}`));
}
