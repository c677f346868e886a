import { type Stats, statSync } from "node:fs";
import { codeOf } from "./errors.ts";

/** Changes whenever the file does, and when another one takes its place. Throws the file system's error. */
export function signatureOf(path: string): string {
  return signatureFrom(statSync(path));
}

/** The same; of a file that is not there, or may not be looked at, what stands in the way: whoever reads it is told. */
export function signatureOrFailure(path: string): string {
  try {
    return signatureOf(path);
  } catch (error) {
    return codeOf(error) ?? "?";
  }
}

/** With the mode, which is a change as well: Deno 2.9.5 tells when that was in whole seconds. */
export function signatureFrom({ mtimeMs, ctimeMs, size, ino, mode }: Stats): string {
  return `${mtimeMs} ${ctimeMs} ${size} ${ino} ${mode}`;
}
