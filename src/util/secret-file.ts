/** Reads a file that holds a secret, and refuses one that other users could read. */
import { closeSync, constants, fstatSync, openSync, readFileSync, type Stats } from "node:fs";
import { signatureFrom } from "./file-signature.ts";

/** Bytes; thousands of keys. Guards against `--key-file /dev/zero`. */
const MAX_BYTES = 1024 * 1024;
/** Rights that nobody may have. The group may read, so that two service users can share a key (mode 0640). */
const FORBIDDEN_RIGHTS = 0o037;
/** Without it, opening a pipe would wait for its writer. Windows has none. */
const { O_RDONLY, O_NONBLOCK = 0 } = constants;

export interface SecretFile {
  readonly text: string;
  /** Changes whenever the file does. */
  readonly signature: string;
}

/** What is wrong with the file, and what to do. The message goes behind the file's name. */
export class UnsafeFile extends Error {}

/** Throws UnsafeFile or the file system's error. All goes through one descriptor: what is judged is what is read. */
export function readSecretFile(path: string, platform: string = process.platform): SecretFile {
  const fd = openSync(path, O_RDONLY | O_NONBLOCK);
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) throw new UnsafeFile("is not a regular file");
    if (stat.size > MAX_BYTES) throw new UnsafeFile(`is larger than ${MAX_BYTES} bytes`);
    // Windows has no such bits: the access list of the profile directory protects the file there.
    if (platform !== "win32") checkRights(path, stat);
    return { text: readFileSync(fd, "utf8"), signature: signatureFrom(stat) };
  } finally {
    closeSync(fd);
  }
}

function checkRights(path: string, { mode }: Stats): void {
  if ((mode & FORBIDDEN_RIGHTS) === 0) return;
  const shown = (mode & 0o777).toString(8);
  throw new UnsafeFile(
    `is open to other users (mode ${shown}): run chmod 600 ${path}, or chmod 640 if its group shares it`,
  );
}
