/** The files that options name: relative to where the program was started, which messages show. What is wrong goes to `problems`, under the option's name; the result is then null. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { readOcspResponse } from "../tls/ocsp-response.ts";
import { messageOf } from "../util/errors.ts";
import { readSecretFile, UnsafeFile } from "../util/secret-file.ts";

export function readBytes(path: string, option: string, problems: string[]): Uint8Array | null {
  return attempt(() => readFileSync(resolve(path)), option, problems);
}

export function readText(path: string, option: string, problems: string[]): string | null {
  const bytes = readBytes(path, option, problems);
  return bytes === null ? null : new TextDecoder().decode(bytes);
}

/** A text that nobody else may read. */
export function readSecret(path: string, option: string, problems: string[]): string | null {
  return attempt(() => readSecretFile(resolve(path)).text, option, problems);
}

/** What OCSP says of that certificate, which is one in PEM. */
export function readResponse(path: string, certificate: string, option: string, problems: string[]): Uint8Array | null {
  return attempt(() => readOcspResponse(resolve(path), certificate), option, problems);
}

function attempt<T>(read: () => T, option: string, problems: string[]): T | null {
  try {
    return read();
  } catch (error) {
    const problem = error instanceof UnsafeFile ? error.message : `cannot be read: ${messageOf(error)}`;
    problems.push(`${option}: the file ${problem}`);
    return null;
  }
}
