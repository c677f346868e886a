/**
 * The kinds of value that say how TLS is spoken, as text or as a table:
 *
 *     tls         cert=/etc/tls/a.pem key=/etc/tls/a.key ocsp=/etc/tls/a.der cert=/etc/tls/b.pem key=/etc/tls/b.key alpn=h2,http/1.1 min=1.3
 *     target-tls  on    ca=/etc/tls/ca.pem name=db.internal cert=/etc/tls/me.pem key=/etc/tls/me.key
 */
import type { ListenerTls, TargetTls } from "../tls/settings.ts";
import { counted } from "../util/counted.ts";
import { formatDuration } from "../util/durations.ts";
import { hostName, listOf } from "./address-kinds.ts";
import { CheckProblem, orOff } from "./check-problem.ts";
import { type Kind, kindOf } from "./kind.ts";
import { choice, duration, onOff, path } from "./kinds.ts";
import { spell } from "./names.ts";
import { type EntryForm, type LibraryOptions, type OptionTable, optional, type Values } from "./option.ts";
import { bytesOf, quoteBytes, readQuoted, textOfBytes } from "./quoted-words.ts";
import { splitList } from "./split.ts";

/** ms. Slow phones on bad networks are done within it; whoever only holds the connection is not. */
const DEFAULT_HANDSHAKE = 10_000;

/** Of a listener, which has to have them. */
const FILES = ["cert", "key"];
/** Of a listener, which may have several: that many words. */
const REPEATED = [...FILES, "ocsp"];

const IN_TABLES = { places: ["file", "library"] } as const;

const paths: Kind<readonly string[], string | readonly string[]> = kindOf(
  {
    placeholder: "PATH",
    allowed: "a path, or a list of them",
    library: { words: "string, or a list of them" },
    list: true,
  },
  listOf(
    (text) => (text === "" ? undefined : text),
    (each) => each,
  ),
);

/** As in the registry of IANA; a comma or a blank is in none of them. */
const PROTOCOL = /^[!-+\--~]{1,255}$/;

export const protocols: Kind<readonly string[], string | readonly string[]> = kindOf(
  {
    placeholder: "PROTOCOL",
    allowed: "names of protocols as ALPN has them, such as h2 or http/1.1",
    library: { words: "string, or a list of them" },
    list: true,
  },
  listOf(
    (text) => (PROTOCOL.test(text) ? text : undefined),
    (each) => each,
  ),
);

const field = <T, L>(kind: Kind<T, L>, doc: string, shownDefault: string) =>
  optional({ kind, doc, shownDefault, ...IN_TABLES });

export const listenerTlsFields = {
  cert: field(
    paths,
    "PEM files, each with a certificate and its chain. Which one a client gets depends on the name that it asks for.",
    "has to be given",
  ),
  key: field(paths, "PEM files with the private keys of these, in the same order.", "has to be given"),
  ocsp: field(
    paths,
    "DER files with OCSP responses for these, in the same order, which clients get that ask for them; the last certificates may go without. On Node alone.",
    "none",
  ),
  clientCa: field(path, "PEM file of the authorities that sign certificates of clients.", "none"),
  client: field(
    choice(["none", "optional", "require"]),
    "Whether clients show a certificate: none asks for none, optional takes one, require insists on one. require where client-ca is given.",
    "none",
  ),
  min: field(choice(["1.2", "1.3"]), "The oldest version that is spoken.", "1.2"),
  alpn: field(protocols, "Protocols that are agreed on, the preferred one first.", "none"),
  tickets: field(onOff, "Whether clients may resume sessions.", "on"),
  handshake: field(duration(1), "How long a handshake may take.", "10s"),
} as const;

export const targetTlsFields = {
  ca: field(path, "PEM file of the authorities that sign certificates of targets.", "those of the system"),
  verify: field(onOff, "off takes any certificate.", "on"),
  name: field(
    hostName,
    "The server name that is asked for, and that the certificate has to be for.",
    "the target's host",
  ),
  cert: field(path, "PEM file with the certificate that the balancer shows.", "none"),
  key: field(path, "PEM file with the private key of that.", "none"),
  alpn: field(protocols, "Protocols that are offered.", "none"),
} as const;

/** TLS of a listener, as the library takes it beside a text. */
export interface ListenerTlsOptions extends LibraryOptions<typeof listenerTlsFields> {}
/** TLS to targets, as the library takes it beside a text. */
export interface TargetTlsOptions extends LibraryOptions<typeof targetTlsFields> {}

export const listenerTlsKind: Kind<ListenerTls | "off", string | ListenerTlsOptions> = tlsKind(
  "off, or cert=PATH key=PATH, once or more often, and words such as ocsp=PATH client-ca=PATH client=require min=1.3 alpn=h2,http/1.1 tickets=off handshake=5s",
  'string, or object such as `{ cert: "a.pem", key: "a.key" }`',
  (text) => listenerTls(wordsOf(text, listenerTlsFields, REPEATED)),
  formatListenerTls,
);

export const targetTlsKind: Kind<TargetTls | "off", boolean | string | TargetTlsOptions> = tlsKind(
  "off, on, or words such as ca=PATH name=NAME verify=off cert=PATH key=PATH alpn=h2",
  'boolean, string, or object such as `{ ca: "ca.pem" }`',
  (text) => targetTls(wordsOf(text === "on" ? "" : text, targetTlsFields, [])),
  formatTargetTls,
);

export const listenerTlsEntry: EntryForm = entry(listenerTlsFields, FILES, REPEATED);
export const targetTlsEntry: EntryForm = entry(targetTlsFields, []);

function tlsKind<T, L>(allowed: string, words: string, parse: (text: string) => T, format: (value: T) => string) {
  const written = orOff(parse, format);
  const description = { placeholder: "off|WORDS", allowed, library: { words }, why: written.why };
  const schema = { anyOf: [{ type: "string" }, { type: "boolean" }] };
  return kindOf<T | "off", L>({ ...description, schema }, written.codec);
}

type Words = ReadonlyMap<string, readonly string[]>;

/** `repeated`: those that may be there several times. */
function wordsOf(text: string, fields: OptionTable, repeated: readonly string[]): Words {
  const words = readQuoted(text);
  if (typeof words === "string") throw new CheckProblem(words);
  const names = new Map(Object.keys(fields).map((name) => [spell(name, "file"), name]));
  const found = new Map<string, string[]>();
  for (const { bytes } of words) {
    const [, written = "", value = ""] = /^([a-z-]+)=(.*)$/s.exec(bytes) ?? [];
    const name = names.get(written);
    if (name === undefined)
      throw new CheckProblem(
        `${textOfBytes(bytes)} is none of its words: ${[...names.keys()].map((each) => `${each}=`).join(", ")}`,
      );
    const before = found.get(name) ?? [];
    if (before.length > 0 && !repeated.includes(name)) throw new CheckProblem(`${written} is there twice`);
    found.set(name, [...before, textOfBytes(value)]);
  }
  return found;
}

/** The value of a word by its field's rule; null: it is not there. */
function fieldOf<F extends OptionTable, N extends keyof F & string>(words: Words, fields: F, name: N): Values<F>[N] {
  const [text] = words.get(name) ?? [];
  if (text === undefined) return fields[name]!.default;
  const { kind } = fields[name]!;
  const parsed = kind.parse(text);
  if (parsed === null) throw new CheckProblem(`${spell(name, "file")}=${text}: give ${kind.allowed}`);
  return parsed.value;
}

function listenerTls(words: Words): ListenerTls {
  const value = <N extends keyof typeof listenerTlsFields>(name: N) => fieldOf(words, listenerTlsFields, name);
  const [certs = [], keys = [], responses = []] = REPEATED.map((name) => words.get(name));
  if (certs.length === 0) throw new CheckProblem("give a certificate and its key, as cert=PATH key=PATH");
  if (certs.length !== keys.length)
    throw new CheckProblem(
      `it has ${counted(certs.length, "certificate")} and ${counted(keys.length, "key")}: give a key for each, in the same order`,
    );
  if (responses.length > certs.length)
    throw new CheckProblem(
      `it has ${counted(certs.length, "certificate")} and ${counted(responses.length, "OCSP response")}: give one for each at most, in the same order`,
    );
  const clientCa = value("clientCa");
  const client = value("client") ?? (clientCa === null ? "none" : "require");
  if (clientCa === null && client !== "none")
    throw new CheckProblem(`client=${client} needs client-ca=PATH, which says whose certificates count`);
  if (clientCa !== null && client === "none")
    throw new CheckProblem("client-ca= is of no use with client=none: leave one of them out");
  return {
    certificates: certs.map((cert, n) => ({
      cert,
      key: keys[n]!,
      ...(n < responses.length && { ocsp: responses[n]! }),
    })),
    clientCa,
    client,
    min: value("min") ?? "1.2",
    alpn: value("alpn") ?? [],
    tickets: value("tickets") ?? true,
    handshake: value("handshake") ?? DEFAULT_HANDSHAKE,
  };
}

function formatListenerTls({ certificates, clientCa, client, min, alpn, tickets, handshake }: ListenerTls): string {
  return [
    ...certificates.flatMap(({ cert, key, ocsp }) => [
      word("cert", cert),
      word("key", key),
      ...(ocsp === undefined ? [] : [word("ocsp", ocsp)]),
    ]),
    ...(clientCa === null ? [] : [word("client-ca", clientCa)]),
    ...(client === (clientCa === null ? "none" : "require") ? [] : [word("client", client)]),
    ...(min === "1.2" ? [] : [word("min", min)]),
    ...(alpn.length === 0 ? [] : [list("alpn", alpn)]),
    ...(tickets ? [] : ["tickets=off"]),
    ...(handshake === DEFAULT_HANDSHAKE ? [] : [word("handshake", formatDuration(handshake))]),
  ].join(" ");
}

function targetTls(words: Words): TargetTls {
  const value = <N extends keyof typeof targetTlsFields>(name: N) => fieldOf(words, targetTlsFields, name);
  const [cert, key] = [value("cert"), value("key")];
  if ((cert === null) !== (key === null))
    throw new CheckProblem("cert= and key= belong together: give both or neither");
  const [ca, verify] = [value("ca"), value("verify") ?? true];
  if (ca !== null && !verify) throw new CheckProblem("ca= is of no use with verify=off: leave one of them out");
  const certificate = cert === null || key === null ? null : { cert, key };
  return { ca, verify, name: value("name"), certificate, alpn: value("alpn") ?? [] };
}

function formatTargetTls({ ca, verify, name, certificate, alpn }: TargetTls): string {
  const words = [
    ...(ca === null ? [] : [word("ca", ca)]),
    ...(verify ? [] : ["verify=off"]),
    ...(name === null ? [] : [word("name", name)]),
    ...(certificate === null ? [] : [word("cert", certificate.cert), word("key", certificate.key)]),
    ...(alpn.length === 0 ? [] : [list("alpn", alpn)]),
  ];
  return words.length === 0 ? "on" : words.join(" ");
}

/** A table becomes its text, and is judged by the same rules. `repeated`: lists of which each entry is a word of its own. */
function entry(fields: OptionTable, required: readonly string[], repeated: readonly string[] = []): EntryForm {
  return {
    options: fields,
    required,
    text(values) {
      const words = Object.entries(values as Record<string, unknown>).flatMap(([name, value]) => {
        if (value === null) return [];
        const text = fields[name]!.kind.format(value);
        const texts = repeated.includes(name) ? splitList(text) : [text];
        return texts.map((each) => word(spell(name, "file"), each));
      });
      return words.length === 0 ? "on" : words.join(" ");
    },
  };
}

function word(name: string, value: string): string {
  return `${name}=${quoteBytes(bytesOf(value))}`;
}

/** In quotes, since options with lists in one text have commas between their entries. */
function list(name: string, values: readonly string[]): string {
  return word(name, values.join(","));
}
