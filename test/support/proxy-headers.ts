/** PROXY headers of version 2, made by hand, with anything wrong. */
import { join, latin1, vector } from "./client-hellos.ts";

export const SIGNATURE = latin1("\r\n\r\n\0\r\nQUIT\n");
/** 192.0.2.1:56324 has connected to 198.51.100.2:443. */
export const INET = Uint8Array.of(192, 0, 2, 1, 198, 51, 100, 2, 220, 4, 1, 187);

export interface V2Parts {
  /** Version and command; by default 0x21: PROXY. */
  readonly command?: number;
  /** Family and protocol; by default 0x11: TCP over IPv4. */
  readonly family?: number;
  /** By default INET. */
  readonly addresses?: Uint8Array;
  readonly tlvs?: readonly Uint8Array[];
  /** What it says of its length; by default the truth. */
  readonly length?: number;
}

export function tlv(type: number, value: Uint8Array | string): Uint8Array {
  return join(Uint8Array.of(type), vector(2, typeof value === "string" ? latin1(value) : value));
}

export function headerV2({ addresses = INET, command = 0x21, family = 0x11, length, tlvs = [] }: V2Parts): Uint8Array {
  const rest = join(addresses, ...tlvs);
  const says = length ?? rest.length;
  return join(SIGNATURE, Uint8Array.of(command, family, says >>> 8, says), rest);
}
