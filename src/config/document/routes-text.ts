/** Routes as a file has them. */
import type { ListenerSettings, Route } from "../settings.ts";
import { quoted } from "./toml-text.ts";

/** Of a listener, each as a table of its own. */
export function routeTexts({ routes, tls }: Pick<ListenerSettings, "routes" | "tls">): string[] {
  const otherwise = tls === "off" ? "pass" : "terminate";
  return routes.map((route) => routeText(route, otherwise));
}

function routeText({ pool, names, alpn, tls }: Route, otherwise: Route["tls"]): string {
  const fields = [
    ...(names.length === 0 ? [] : [`name = ${oneOrMore(names)}`]),
    ...(alpn.length === 0 ? [] : [`alpn = ${oneOrMore(alpn)}`]),
    `pool = ${quoted(pool)}`,
    ...(tls === otherwise ? [] : [`tls = ${quoted(tls)}`]),
  ];
  return `{ ${fields.join(", ")} }`;
}

function oneOrMore(values: readonly string[]): string {
  return values.length === 1 ? quoted(values[0]!) : `[${values.map(quoted).join(", ")}]`;
}
