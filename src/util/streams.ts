import { statSync } from "node:fs";

/** A pipe gives no second time what it gave, and a device has no end: whoever reads it again would hang. */
export function isStream(path: string): boolean {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat !== undefined && !stat.isFile() && !stat.isDirectory();
}
