import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const folders: string[] = [];

/** A new, empty folder. `name` says which test it belongs to. */
export function temporaryFolder(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `harmony-${name}-`));
  folders.push(folder);
  return folder;
}

/** Removes every temporary folder. For `after()`, once nothing uses them any more. */
export function removeFolders(): void {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
}
