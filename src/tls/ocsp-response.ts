/** Responses of OCSP (RFC 6960), as files: read, and judged as far as a mix-up shows. Signatures and times are for clients to judge. */
import { X509Certificate } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { UnsafeFile } from "../util/secret-file.ts";

/** Real ones have some 500 bytes, and a few thousand with the responder's certificates. */
const MOST_BYTES = 64 * 1024;

/** Tags of DER (X.690). */
const INTEGER = 0x02;
const ENUMERATED = 0x0a;
const SEQUENCE = 0x30;

const SUCCESSFUL = 0;

/** In DER. `certificate`: in PEM, the one that it has to be about. Throws UnsafeFile or the file system's error. */
export function readOcspResponse(file: string, certificate: string): Uint8Array {
  const stat = statSync(file);
  if (!stat.isFile()) throw new UnsafeFile("is not a regular file");
  if (stat.size > MOST_BYTES) throw new UnsafeFile(`is larger than ${MOST_BYTES} bytes`);
  const response = new Uint8Array(readFileSync(file));
  const status = statusOf(response);
  if (status === null) throw new UnsafeFile("holds no OCSP response in DER");
  if (status !== SUCCESSFUL)
    throw new UnsafeFile(`holds an error of the OCSP responder (status ${status}): fetch a response anew`);
  if (!isAbout(response, new X509Certificate(certificate)))
    throw new UnsafeFile("holds an OCSP response for another certificate");
  return response;
}

/** null: it is no response. It begins with a SEQUENCE that takes all of it, and in that an ENUMERATED of one byte. */
function statusOf(bytes: Uint8Array): number | null {
  const first = bytes[1] ?? 0;
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
  const start = 2 + lengthBytes;
  const length = lengthBytes === 0 ? first : bytes.subarray(2, start).reduce((sum, byte) => sum * 256 + byte, 0);
  if (bytes[0] !== SEQUENCE || start + length !== bytes.length) return null;
  return bytes[start] === ENUMERATED && bytes[start + 1] === 1 ? (bytes[start + 2] ?? null) : null;
}

/** By its serial number, of which authorities give each once. */
function isAbout(response: Uint8Array, { serialNumber }: X509Certificate): boolean {
  const digits = Buffer.from(serialNumber.padStart(serialNumber.length + (serialNumber.length % 2), "0"), "hex");
  const sign = digits[0]! < 0x80 ? [] : [0];
  return Buffer.from(response).includes(Buffer.from([INTEGER, sign.length + digits.length, ...sign, ...digits]));
}
