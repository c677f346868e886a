/** What a line of the access log says of a connection: the one declaration, from which both formats and the table in the docs follow. */
import type { CloseRecord } from "../../proxy/record.ts";
import { formatPeer } from "../../util/address.ts";
import { factTexts } from "../fact-texts.ts";

export interface AccessField {
  /** In both formats, and the same as in a CloseRecord, but for what stands in one form there and in another one here. */
  readonly name: string;
  readonly doc: string;
  /** As JSON has it. */
  of(record: CloseRecord): unknown;
  /** As a text has it, where that is another one. */
  text?(record: CloseRecord): string;
}

/** Microseconds are what the clocks are good for. */
function ms(value: number | null): number | null {
  return value === null ? null : Math.round(value * 1_000) / 1_000;
}

/** In the order of a line. */
export const ACCESS_FIELDS: readonly AccessField[] = [
  {
    name: "startedAt",
    doc: "When the connection was accepted, in UTC.",
    of: ({ startedAt }) => new Date(startedAt).toISOString(),
  },
  {
    name: "client",
    doc: "The client's address and port; `unix` if it came over a Unix socket. Where a proxy has named the client in a PROXY header, that one.",
    of: ({ client }) => formatPeer(client),
  },
  { name: "listener", doc: "The address where it came.", of: ({ listener }) => listener },
  { name: "pool", doc: "The pool that it was for.", of: ({ pool }) => pool },
  { name: "target", doc: "The target that served it; null if none did.", of: ({ target }) => target },
  {
    name: "endedBy",
    doc: "Who ended it first: `client`, `target`, `balancer`.",
    of: ({ endedBy }) => endedBy,
  },
  {
    name: "phase",
    doc: "How far it had come then: `queue`, `connect`, `relay`, or `unavailable`, where it got no target.",
    of: ({ phase }) => phase,
  },
  {
    name: "cause",
    doc: "`fin`, `reset`, `idle`, `shutdown` (the drain time-out), `killed` (by an operator), `target-gone` (its target went, and the pool's `on-down` keeps no connections there), `rebalanced` (its target had more than its share); of one that got no target `no-targets`, `connect-failed`, `queue-full`, `queue-timeout`, `stopping`.",
    of: ({ cause }) => cause,
  },
  {
    name: "queuedMs",
    doc: "Time in the queue, and before that for what other balancers know of the client (`persistent-shared`).",
    of: ({ queuedMs }) => ms(queuedMs),
  },
  {
    name: "connectMs",
    doc: "Time to connect to a target, with the attempts that failed; null if none was connected.",
    of: ({ connectMs }) => ms(connectMs),
  },
  {
    name: "firstByteMs",
    doc: "From its accept to the target's first byte; null if none came.",
    of: ({ firstByteMs }) => ms(firstByteMs),
  },
  { name: "durationMs", doc: "From its accept to its end.", of: ({ durationMs }) => ms(durationMs) },
  { name: "bytesIn", doc: "From the client.", of: ({ bytesIn }) => bytesIn },
  {
    name: "bytesOut",
    doc: "To the client; from what answers in place of a target, if there was none.",
    of: ({ bytesOut }) => bytesOut,
  },
  {
    name: "requeues",
    doc: "How often it was given to another target after one had failed.",
    of: ({ requeues }) => requeues,
  },
  {
    name: "tried",
    doc: "The targets that failed it, in order, with the reason of each; as text `web/10.0.0.5:80(ECONNREFUSED)`, with commas between. A target that left long ago is null.",
    of: ({ tried }) => tried,
    text: ({ tried }) => tried.map(({ target, code }) => `${target}(${code})`).join(","),
  },
];

/** Behind the others, of connections at a listener that asks something of its clients. */
export const EDGE_FIELDS: readonly AccessField[] = [
  { name: "via", doc: "The proxy that named the client in a PROXY header.", of: ({ facts }) => factTexts(facts).via },
  {
    name: "destination",
    doc: "Where the client connected to, as that header says.",
    of: ({ facts }) => factTexts(facts).destination,
  },
  {
    name: "uniqueId",
    doc: "The proxy's name for the connection: text, or in hexadecimal after `0x`.",
    of: ({ facts }) => factTexts(facts).uniqueId,
  },
  { name: "serverName", doc: "The server name that it asked for.", of: ({ facts }) => factTexts(facts).serverName },
  {
    name: "alpn",
    doc: "The protocol that was agreed on; of a connection that is not decrypted here, the first that the client offered.",
    of: ({ facts }) => factTexts(facts).alpn,
  },
  { name: "tls", doc: "The version of TLS, if it was decrypted.", of: ({ facts }) => facts?.tls?.version ?? null },
  { name: "tlsCipher", doc: "The cipher.", of: ({ facts }) => facts?.tls?.cipher ?? null },
  {
    name: "tlsClient",
    doc: "The common name in the certificate that the client has shown, if that was verified.",
    of: ({ facts }) => (facts?.tls?.certificate?.verified ? facts.tls.certificate.commonName : null),
  },
];
