/**
 * Whether a request comes from where it may. A browser sends what any web site in it asks for; what it says of where that came from, the
 * site cannot change. Programs say nothing of the kind. Pure.
 */
import { parseIp } from "../../util/address.ts";
import type { Head } from "../http/head.ts";

/** Why this request is not answered, or null. Whatever a web site has a browser send is refused, but for a link to the page itself. */
export function foreignSite(
  { fields, method }: Pick<Head, "fields" | "method">,
  { host, pathname }: Pick<URL, "host" | "pathname">,
): string | null {
  const origin = fields.get("origin");
  if (origin !== undefined && originHost(origin) !== host) return "another web site has asked for it";
  const site = fields.get("sec-fetch-site");
  if (site === undefined || site === "same-origin" || site === "none") return null;
  const isLink =
    method === "GET" &&
    pathname === "/" &&
    fields.get("sec-fetch-mode") === "navigate" &&
    fields.get("sec-fetch-dest") === "document";
  return isLink ? null : "another web site has asked for it";
}

/** With its port. Undefined for `null`, and for what is none. */
function originHost(origin: string): string | undefined {
  if (!URL.canParse(origin)) return undefined;
  const { protocol, host } = new URL(origin);
  // A server that speaks TLS in front of the balancer has another scheme, and so another port that goes without saying.
  if (protocol === "https:") return new URL(`http://${/^https:\/\/([^/]*)/i.exec(origin)?.[1]}`).host;
  return protocol === "http:" ? host : undefined;
}

/**
 * Whether the balancer goes by this name. A web site can point a name of its own at the balancer's address, and would then count as the
 * balancer's own site in a browser; it cannot do so with an address, nor with localhost. `names`: those that an operator has given.
 */
export function isOwnName({ hostname }: Pick<URL, "hostname">, names: readonly string[]): boolean {
  const name = hostname.replace(/\.$/, "").toLowerCase();
  const literal = name.startsWith("[") ? name.slice(1, -1) : name;
  return name === "localhost" || parseIp(literal) !== null || names.includes(name);
}
