/** The doors of the API: what is asked of whoever comes to its socket, to its ports, and to the port for monitoring. */
import type { Token } from "../../control/keys/token.ts";
import type { Asker } from "../face.ts";
import type { Head } from "../http/head.ts";
import { problem } from "../http/problem.ts";
import type { Admitted, Peer, Refused, Site } from "../http/site.ts";
import type { GuessLimit } from "./guess-limit.ts";
import { foreignSite, isOwnName } from "./same-site.ts";
import { isSession, type Tokens } from "./tokens.ts";

/** What the app knows of a request beside the request; Hono's bindings. */
export interface Visit {
  /** null: nobody has said who it is, and what it asks for is for all. */
  readonly asker: Asker | null;
  /** Where it comes from; "" over a Unix socket. */
  readonly address: string;
}

export type Answer = (request: Request, visit: Visit) => Response | Promise<Response>;

/** Bytes: a document of a thousand pools is a tenth of that. */
const LONGEST_BODY = 1024 * 1024;
/** Of whoever has not said who he is. */
const LONGEST_PUBLIC_BODY = 1024;

const SOCKET: Asker = { name: "socket", right: "act", pool: null };
/** Who comes to the port for monitoring. */
const MONITOR: Asker = { name: "metrics", right: "read", pool: null };

const READS: readonly string[] = ["GET", "HEAD"];
const PROBES: ReadonlySet<string> = new Set(["/livez", "/readyz"]);
const MONITORED: ReadonlySet<string> = new Set(["/metrics", ...PROBES]);
/** What a browser needs before it can say who it is, and what tells only that the balancer is there. */
const PUBLIC: ReadonlyMap<string, readonly string[]> = new Map([
  ["/", READS],
  ["/livez", READS],
  ["/readyz", READS],
  ["/v1/session", ["POST"]],
]);

/** At the Unix socket: its file is the login. */
export function socketSite(answer: Answer): Site<Visit> {
  return {
    admit(head, url) {
      const foreign = foreignSite(head, url);
      return foreign === null ? admitted(SOCKET, "", LONGEST_BODY) : forbidden(foreign);
    },
    answer,
  };
}

/** At the port for monitoring: it tells to all who reach it, and does nothing. */
export function metricsSite(answer: Answer): Site<Visit> {
  return {
    admit({ method }, { pathname }, { host }) {
      if (MONITORED.has(pathname) && READS.includes(method)) return admitted(MONITOR, host, 0);
      return forbidden("this port is for monitoring: GET of /metrics, /livez and /readyz");
    },
    answer,
  };
}

export interface PortRules {
  readonly tokens: Pick<Tokens, "find">;
  readonly guesses: GuessLimit;
  /** As isOwnName() takes them. */
  readonly names: readonly string[];
}

/** At the ports: a token is the login. */
export function portSite({ tokens, guesses, names }: PortRules, answer: Answer): Site<Visit> {
  return { admit: (head, url, peer) => strange(head, url) ?? asked(head, url, peer), answer };

  function strange(head: Head, url: URL): Refused | null {
    // Probes of other programs come without a name, or with one of theirs, and learn nothing but a status.
    if (!isOwnName(url, names) && !PROBES.has(url.pathname)) {
      const message = "the balancer does not go by the name in Host: use its address, or give it the name (--api-host)";
      return { response: refusal(421, "FORBIDDEN", message) };
    }
    const foreign = foreignSite(head, url);
    return foreign === null ? null : forbidden(foreign);
  }

  function asked({ method, fields }: Head, { pathname }: URL, { host }: Peer): Admitted<Visit> | Refused {
    if (PUBLIC.get(pathname)?.includes(method)) return admitted(null, host, LONGEST_PUBLIC_BODY);
    const authorization = fields.get("authorization");
    if (authorization === undefined) return unauthorized("it takes a token: Authorization: Bearer TOKEN");
    const wait = guesses.wait(host);
    if (wait > 0) return { response: tooMany(wait) };
    const [, presented = ""] = /^Bearer +([!-~]+)$/i.exec(authorization) ?? [];
    const token = tokens.find(presented);
    if (token !== undefined) return admitted({ ...askerOf(token), isPage: isSession(presented) }, host, LONGEST_BODY);
    guesses.wrong(host);
    return unauthorized("there is no such token");
  }
}

export function askerOf({ name, right, pool }: Token): Asker {
  return { name, right, pool };
}

/** `wait`: ms until a guess is judged again. */
export function tooMany(wait: number): Response {
  const message = "wrong secrets have come from this address too often";
  return refusal(429, "TOO_MANY", message, { "retry-after": `${Math.ceil(wait / 1000)}` });
}

/** Those with one token at one address are a group. */
function admitted(asker: Asker | null, address: string, longestBody: number): Admitted<Visit> {
  return {
    asker: { asker: asker && { ...asker, address }, address },
    group: `${asker?.name ?? ""} ${address}`,
    longestBody,
  };
}

function forbidden(message: string): Refused {
  return { response: refusal(403, "FORBIDDEN", message) };
}

function unauthorized(message: string): Refused {
  return { response: refusal(401, "UNAUTHORIZED", message, { "www-authenticate": 'Bearer realm="harmony"' }) };
}

function refusal(status: number, code: string, message: string, headers?: Readonly<Record<string, string>>): Response {
  return problem(status, { code, message, fault: "client", retry: status === 429 }, headers);
}
