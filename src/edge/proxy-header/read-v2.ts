/** Version 2: a signature, command, family, length; addresses; and TLVs. Numbers are big-endian. */
import type { TcpAddress } from "../../net/runtime.ts";
import { formatWords, V4_MAPPED } from "../../util/client-key.ts";
import { bad, more, type Parsed, whole } from "../parsed.ts";
import { Crc32c } from "./crc32c.ts";
import {
  ADDRESSES_LENGTH,
  COMMAND,
  FAMILY,
  MAX_V2_REST,
  NOTHING_TOLD,
  PROTOCOL,
  type ProxyHeader,
  V2_FIXED,
  V2_SIGNATURE,
} from "./header.ts";
import { type ReadTlvs, readTlvs } from "./tlvs.ts";

const NO_HEADER = bad("it does not begin with a PROXY header");
const OVERLONG = bad(`its PROXY header (version 2) is longer than ${V2_FIXED + MAX_V2_REST} bytes`);
const SHORT = bad("its PROXY header (version 2) has no room for the addresses that it announces");
const UNKNOWN = bad("its PROXY header (version 2) is of a version, command, family or protocol that is not known");
const SPOILT = bad("the CRC32c of its PROXY header (version 2) is wrong");

export function readV2(bytes: Uint8Array): Parsed<ProxyHeader> {
  const known = Math.min(bytes.length, V2_SIGNATURE.length);
  for (let n = 0; n < known; n++) if (bytes[n] !== V2_SIGNATURE[n]) return NO_HEADER;
  if (bytes.length < V2_FIXED) return more(V2_FIXED);
  const command = bytes[12]! & 0x0f;
  const family = bytes[13]! >>> 4;
  const protocol = bytes[13]! & 0x0f;
  if (bytes[12]! >>> 4 !== 2 || command > COMMAND.PROXY) return UNKNOWN;
  if (command === COMMAND.PROXY && (family > FAMILY.UNIX || protocol > PROTOCOL.DGRAM)) return UNKNOWN;
  const rest = (bytes[14]! << 8) | bytes[15]!;
  if (rest > MAX_V2_REST) return OVERLONG;
  // It can be refused before all of it is there.
  if (command === COMMAND.PROXY && rest < ADDRESSES_LENGTH[family]!) return SHORT;
  const length = V2_FIXED + rest;
  if (bytes.length < length) return more(length);
  // The proxy speaks for itself, as for a check; the protocol has the rest ignored, family and all.
  if (command === COMMAND.LOCAL) return whole(length, { client: null, destination: null, told: NOTHING_TOLD });
  return readRest(bytes.subarray(0, length), family, protocol);
}

function readRest(header: Uint8Array, family: number, protocol: number): Parsed<ProxyHeader> {
  const tlvs = readTlvs(header, V2_FIXED + ADDRESSES_LENGTH[family]!);
  if (typeof tlvs === "string") return bad(`its PROXY header (version 2) ${tlvs}`);
  if (tlvs.checksumAt >= 0 && !isIntact(header, tlvs)) return SPOILT;
  const isTcp = protocol === PROTOCOL.STREAM && (family === FAMILY.INET || family === FAMILY.INET6);
  const client = isTcp ? readEnd(header, family, 0) : null;
  const destination = isTcp ? readEnd(header, family, 1) : null;
  return whole(header.length, { client, destination, told: tlvs.told });
}

/** `which`: 0 for the client, 1 for where it has connected to. */
function readEnd(header: Uint8Array, family: number, which: 0 | 1): TcpAddress {
  const view = new DataView(header.buffer, header.byteOffset + V2_FIXED, ADDRESSES_LENGTH[family]);
  const words = Uint32Array.of(0, 0, V4_MAPPED, 0);
  const count = family === FAMILY.INET ? 1 : 4;
  for (let n = 0; n < count; n++) words[4 - count + n] = view.getUint32(4 * (count * which + n));
  return { host: formatWords(words, 0), port: view.getUint16(8 * count + 2 * which) };
}

/** Over the whole header, as if the checksum itself were zero. */
function isIntact(header: Uint8Array, { checksumAt }: ReadTlvs): boolean {
  const crc = new Crc32c();
  crc.add(header.subarray(0, checksumAt));
  crc.add(new Uint8Array(4));
  crc.add(header.subarray(checksumAt + 4));
  return crc.value === new DataView(header.buffer, header.byteOffset + checksumAt, 4).getUint32(0);
}
