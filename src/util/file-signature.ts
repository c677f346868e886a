import { statSync } from "node:fs";

/** Changes whenever the file does, and when another one takes its place. Throws the file system's error. */
export function signatureOf(path: string): string {
  const { mtimeMs, ctimeMs, size, ino } = statSync(path);
  return `${mtimeMs} ${ctimeMs} ${size} ${ino}`;
}
