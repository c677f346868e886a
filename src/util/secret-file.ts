/** Reads a file that holds a secret, and refuses one that other users could read or replace. */
import { closeSync, constants, fstatSync, openSync, readFileSync, realpathSync, type Stats, statSync } from "node:fs";
import { dirname } from "node:path";
import { signatureFrom } from "./file-signature.ts";

/** Bytes; thousands of keys. Guards against `--key-file /dev/zero`. */
const MAX_BYTES = 1024 * 1024;
/** Rights that nobody may have. The group may read, so that two service users can share a key (mode 0640). */
const FORBIDDEN_RIGHTS = 0o037;
const GROUP_READS = 0o040;
const OTHERS_WRITE = 0o002;
/** Of a folder: what is in it can be renamed and removed by its owner alone. */
const STICKY = 0o1000;
const ROOT = 0;
/** Without it, opening a pipe would wait for its writer. Windows has none. */
const { O_RDONLY, O_NONBLOCK = 0 } = constants;

export interface SecretFile {
  readonly text: string;
  /** Changes whenever the file does. */
  readonly signature: string;
}

/** What is wrong with the file, and what to do. The message goes behind the file's name. */
export class UnsafeFile extends Error {}

/** Who reads, and where. */
export interface Reader {
  readonly platform: string;
  /** Of root, whose command works on another user's files: that user's id, whose files count as its own. */
  readonly actsFor?: number | undefined;
}

/** Throws UnsafeFile or the file system's error. All goes through one descriptor: what is judged is what is read. */
export function readSecretFile(path: string, reader: Reader = { platform: process.platform }): SecretFile {
  const fd = openSync(path, O_RDONLY | O_NONBLOCK);
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) throw new UnsafeFile("is not a regular file");
    if (stat.size > MAX_BYTES) throw new UnsafeFile(`is larger than ${MAX_BYTES} bytes`);
    // Windows has no such bits: the access list of the profile directory protects the file there.
    if (reader.platform !== "win32") {
      checkRights(path, stat);
      if (stat.uid !== reader.actsFor) checkOwner(path, stat);
      // A link can be replaced where it lies, and so can what it names.
      for (const place of [path, realpathSync(path)]) checkFolder(dirname(place));
    }
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

/** A file of another user counts only where that one shares it, through a group of this process. Root can read any, shared or not. */
function checkOwner(path: string, { mode, uid, gid }: Stats): void {
  const user = process.geteuid?.();
  if (user === undefined || uid === user || uid === ROOT) return;
  if ((mode & GROUP_READS) !== 0 && (user !== ROOT || gid === process.getegid?.())) return;
  throw new UnsafeFile(
    `belongs to another user (id ${uid}), who may change it: run chown ${user} ${path}, or start this program as that user`,
  );
}

/** Throws UnsafeFile where every user may put another file in a file's place. */
export function checkFolder(folder: string): void {
  const { mode } = statSync(folder);
  if ((mode & OTHERS_WRITE) === 0 || (mode & STICKY) !== 0) return;
  throw new UnsafeFile(`lies in ${folder}, where every user may replace it: run chmod o-w ${folder}`);
}
