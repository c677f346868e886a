/** The kind of value that says how a server's health is checked: as a text (check-text.ts), or as a table of what is in it. */
import type { Check } from "../targets/health/check.ts";
import { hostName, realPort } from "./address-kinds.ts";
import { orOff } from "./check-problem.ts";
import { formatCheck, parseCheck } from "./check-text.ts";
import { type Kind, kindOf } from "./kind.ts";
import { choice, duration, integer, onOff, text } from "./kinds.ts";
import { type EntryForm, type LibraryOptions, optional, type Values } from "./option.ts";
import { bytesOf, quoteBytes } from "./quoted-words.ts";

/** `off`: it is not checked. */
export type CheckChoice = Check | "off";

/** The type of a table that is meant for no kind of its own. */
const TYPES = ["tcp", "http", "https", "send-expect", "exec"] as const;

const IN_TABLES = { places: ["file", "library"] } as const;
const field = <T, L>(kind: Kind<T, L>, doc: string) =>
  optional({ kind, doc, shownDefault: "as in the text form", ...IN_TABLES });
const words = (allowed: string) => text("TEXT", allowed);

/** A check as a table. What belongs to another type of check is refused. */
export const checkFields = {
  type: field(choice(TYPES), "What is asked."),
  path: field(
    words("a path that begins with /"),
    "Of http and https: what is asked for, with what follows a `?`. / by default.",
  ),
  method: field(words("a method such as HEAD"), "Of http and https. GET by default."),
  host: field(
    words("the name of a host"),
    "Of http and https: the header, and the name that a certificate has to be for.",
  ),
  status: field(
    words("a status such as 200, or some, such as 200-299/401"),
    "Of http and https: statuses that pass. 200-399 by default.",
  ),
  body: field(words("a text"), "Of http and https: text that the body has to contain."),
  send: field(words("a text, or bytes as 0x and hexadecimal digits"), "Of send-expect: what is sent."),
  expect: field(
    words("a text, or bytes as 0x and hexadecimal digits"),
    "Of send-expect: what has to be found in the answer.",
  ),
  command: field(
    words("a command with its arguments"),
    "Of exec: a program, which no shell reads, with its arguments. Exit code 0 passes. `{host}` and `{port}` stand for the server's.",
  ),
  tls: field(onOff, "Of tcp and send-expect: speak TLS."),
  verify: field(onOff, "With TLS: off takes any certificate."),
  proxy: field(
    choice(["v1", "v2"]),
    "Of tcp, http and send-expect: a PROXY header goes first, which says that the check speaks for itself. For servers that insist on one (send-proxy).",
  ),
  address: field(hostName, "Asked in place of the server's own host."),
  port: field(realPort, "Asked in place of the server's own port."),
  interval: field(duration(1), "From one start to the next; four times as often while it changes. 2s by default."),
  timeout: field(duration(1), "How long one may take. 1s by default."),
  rise: field(integer(1, 100), "Passes in a row until a server that was out is in again. 2 by default."),
  fall: field(integer(1, 100), "Failures in a row until a server that was in is out. 3 by default."),
} as const;

/** A check, as the library takes it beside a text. */
export interface CheckOptions extends LibraryOptions<typeof checkFields> {}

type Fields = Values<typeof checkFields>;

/** It is judged by the text's rules, also where it says what no text of that type can. */
function textOfFields({ type, path, command, send, expect, tls, ...rest }: Fields): string {
  const head = {
    tcp: ["tcp"],
    http: [`http:${path ?? "/"}`],
    https: [`https:${path ?? "/"}`],
    "send-expect": [],
    exec: [],
  }[type!];
  const isHttp = type === "http" || type === "https";
  return [
    ...head.map((each) => quoteBytes(bytesOf(each))),
    ...(command === null ? [] : [type === "exec" ? `exec:${command}` : `command=${quoteBytes(bytesOf(command))}`]),
    ...(send === null ? [] : [`send:${spoken(send)}`]),
    ...(expect === null ? [] : [`expect:${spoken(expect)}`]),
    ...(path === null || isHttp ? [] : [`path=${quoteBytes(bytesOf(path))}`]),
    ...(tls === true ? ["tls"] : []),
    ...Object.entries(rest).flatMap(([name, value]) => (value === null ? [] : word(name as keyof typeof rest, value))),
  ].join(" ");
}

function spoken(given: string): string {
  return quoteBytes(bytesOf(given));
}

function word(name: keyof typeof checkFields, value: unknown): string {
  return `${name}=${quoteBytes(bytesOf((checkFields[name].kind.format as (value: unknown) => string)(value)))}`;
}

export const checkEntry: EntryForm = {
  options: checkFields,
  required: ["type"],
  text: (values) => textOfFields(values as Fields),
};

const written = orOff(parseCheck, formatCheck);

export const checkKind: Kind<CheckChoice, string | CheckOptions> = kindOf(
  {
    placeholder: "CHECK",
    allowed:
      "off, tcp, http:/PATH, https:/PATH, http://HOST:PORT/PATH, send:TEXT expect:TEXT or exec:COMMAND, and behind it words such as interval=2s timeout=1s rise=2 fall=3 port=8008",
    library: { words: 'string, or object such as `{ type: "http", path: "/healthz" }`' },
    why: written.why,
  },
  written.codec,
);
