/** Puts a whole file in its place, so that a power cut leaves the old one or the new one. Nobody waits for the disk meanwhile. */
import { randomBytes } from "node:crypto";
import { type FileHandle, open, realpath, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { codeOf } from "./errors.ts";

const PRIVATE = 0o600;

/** Rejects with the file system's error, and then the old file is there. What a link names is replaced, and not the link. */
export async function replaceFile(path: string, text: string): Promise<void> {
  const file = await whereItIs(path);
  const draft = `${file}.${randomBytes(6).toString("hex")}`;
  try {
    await synced(await open(draft, "wx", PRIVATE), (handle) => handle.writeFile(text));
    await rename(draft, file);
  } catch (error) {
    await rm(draft, { force: true }).catch(() => undefined); // what went wrong is told
    throw error;
  }
  await syncFolder(dirname(file));
}

/** Its new name is on the disk as well. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === "win32") return; // which has no such thing
  await synced(await open(folder, "r"), () => Promise.resolve());
}

async function synced(handle: FileHandle, write: (handle: FileHandle) => Promise<void>): Promise<void> {
  try {
    await write(handle);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function whereItIs(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return path;
    throw error;
  }
}
