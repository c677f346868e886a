/** The PROXY header at the beginning of a connection, of either version. */
import { more, type Parsed } from "../parsed.ts";
import { type ProxyHeader, V2_SIGNATURE } from "./header.ts";
import { MIN_V1, readV1 } from "./read-v1.ts";
import { readV2 } from "./read-v2.ts";

/**
 * `bytes`: all that the peer has sent so far; it need not be more than MAX_HEADER of it. What does not begin as a header does is
 * refused at its first byte that differs: a header is never looked for further on.
 */
export function readProxyHeader(bytes: Uint8Array): Parsed<ProxyHeader> {
  if (bytes.length === 0) return more(MIN_V1);
  return bytes[0] === V2_SIGNATURE[0] ? readV2(bytes) : readV1(bytes);
}
