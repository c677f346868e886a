/** Connections that are open now. */
import * as z from "zod/mini";
import { address, bytes, count, ms, said, time } from "./common.ts";

export const tlsFacts = z.strictObject({
  version: said("Such as TLSv1.3.", z.string()),
  cipher: z.nullable(z.string()),
  certificate: said(
    "That the client has shown; null: none.",
    z.nullable(z.strictObject({ commonName: z.nullable(z.string()), verified: z.boolean() })),
  ),
});

export const connection = z.strictObject({
  id: said("Good as long as it is open.", z.string()),
  client: said("`unix`: it came over a Unix socket.", z.string()),
  listener: said("The address where it came; null: it is closed now.", z.nullable(address())),
  pool: z.string(),
  target: z.nullable(z.string()),
  phase: z.enum(["queue", "connect", "relay", "unavailable"]),
  startedAt: time(),
  ageMs: ms(),
  idleMs: said("Since a byte moved; null: none has.", z.nullable(ms())),
  queuedMs: ms(),
  connectMs: z.nullable(ms()),
  firstByteMs: said("From its accept to the target's first byte.", z.nullable(ms())),
  bytesIn: bytes(),
  bytesOut: bytes(),
  failed: said("Targets that failed it.", count()),
  via: said("The proxy that named the client in a PROXY header; null: there was none.", z.nullable(address())),
  destination: said("Where the client connected to, as that header says.", z.nullable(address())),
  serverName: said("That it asks for in its TLS ClientHello, or that the proxy tells.", z.nullable(z.string())),
  alpn: said(
    "The protocol that was agreed on; of a connection that is not decrypted here, the first that the client offers.",
    z.nullable(z.string()),
  ),
  tls: said("Of one that was decrypted, here or by the proxy.", z.nullable(tlsFacts)),
  uniqueId: said("The proxy's name for it: text, or in hexadecimal after 0x.", z.nullable(z.string())),
});
export type Connection = z.infer<typeof connection>;

export const CONNECTION_SORTS = ["age", "idle", "bytes", "bytesIn", "bytesOut", "client", "target"] as const;
export type ConnectionSort = (typeof CONNECTION_SORTS)[number];

/** What is left out does not matter. */
export interface ConnectionFilter {
  readonly id?: string;
  readonly pool?: string;
  readonly target?: string;
  /** An address or a CIDR range. */
  readonly client?: string;
  readonly phase?: Connection["phase"];
  /** As connections show it: lower-case, without a final dot. */
  readonly serverName?: string;
  /** ms. */
  readonly minAge?: number;
  /** ms. */
  readonly minIdle?: number;
}
