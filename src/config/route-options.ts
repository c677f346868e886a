/** A route of a listener: which of its clients a pool serves. */
import { plainServerName } from "../edge/server-name.ts";
import { listOf } from "./address-kinds.ts";
import { type Kind, kindOf } from "./kind.ts";
import { choice, text } from "./kinds.ts";
import { option, optional, type Values } from "./option.ts";
import { protocols } from "./tls-kinds.ts";

const LABEL = "[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?";
const SERVER_NAME = new RegExp(`^(?=.{1,253}$)(\\*\\.)?${LABEL}(\\.${LABEL})*$`);
/** A name cannot end in a number: that is an address, which no client gives as a server's name. */
const ENDS_IN_NUMBER = /(^|\.)\d+$/;

/** As clients' names are compared. undefined: it is none. */
function serverName(given: string): string | undefined {
  const name = plainServerName(given);
  return SERVER_NAME.test(name) && !ENDS_IN_NUMBER.test(name) ? name : undefined;
}

export const serverNames: Kind<readonly string[], string | readonly string[]> = kindOf(
  {
    placeholder: "NAME",
    allowed:
      "names of servers such as a.example, or *.b.example for all below b.example (names of other scripts as xn--…)",
    library: { words: "string, or a list of them" },
    list: true,
  },
  listOf(serverName, (name) => name),
);

/** `pass`: what the client sends goes to the target as it is; `terminate`: it is decrypted here. */
export const ROUTE_TLS = ["pass", "terminate"] as const;

const IN_TABLES = { places: ["file", "library"] } as const;

export const routeOptions = {
  pool: option({
    kind: text("NAME", "the name of a pool"),
    default: "",
    doc: "The pool that serves these clients.",
    shownDefault: "has to be given",
    ...IN_TABLES,
  }),
  name: option({
    kind: serverNames,
    default: [],
    doc: "Server names that clients ask for in their TLS hello. `*.b.example` is all below b.example. The longest one that fits decides.",
    shownDefault: "any, and none",
    ...IN_TABLES,
  }),
  alpn: option({
    kind: protocols,
    default: [],
    doc: "Protocols of which the client offers one (ALPN).",
    shownDefault: "any, and none",
    ...IN_TABLES,
  }),
  tls: optional({
    kind: choice(ROUTE_TLS),
    doc: "pass gives the target what the client sends, as it is. terminate decrypts it, by the listener's tls.",
    shownDefault: "terminate where the listener has tls, otherwise pass",
    ...IN_TABLES,
  }),
} as const;

export type RouteValues = Values<typeof routeOptions>;
