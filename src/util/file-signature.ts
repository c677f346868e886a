import { type Stats, statSync } from "node:fs";

/** Changes whenever the file does, and when another one takes its place. Throws the file system's error. */
export function signatureOf(path: string): string {
  return signatureFrom(statSync(path));
}

export function signatureFrom({ mtimeMs, ctimeMs, size, ino }: Stats): string {
  return `${mtimeMs} ${ctimeMs} ${size} ${ino}`;
}
