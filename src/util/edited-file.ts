/**
 * Changes a small file that nobody else may read (secret-file.ts judges it), and that others may change at the same time: people with
 * their editors, other programs of ours, also on other machines that share the folder.
 *
 * Readers see the file as it was or as it is: it is written beside, then renamed over the old one, with that one's mode and owner.
 * Of our own programs one changes it at a time: whoever does holds `FILE.lock`. A lock that stays the same for STALE_MS while
 * somebody waits for it belongs to one that has died, and is taken away; clocks of machines are not compared. Who takes no lock (an
 * editor), or has lost his, is noticed: the file is read again right before it is renamed, and if it is another one, all begins anew.
 */
import { randomBytes } from "node:crypto";
import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  openSync,
  readFileSync,
  readSync,
  realpathSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeSync,
} from "node:fs";
import { type Clock, pass, systemClock } from "./clock.ts";
import { codeOf, HarmonyError } from "./errors.ts";
import { type Reader, readSecretFile } from "./secret-file.ts";

/** ms that a lock may stay the same: thousands of times what a change takes. */
const STALE_MS = 2_000;
/** ms between two looks at somebody else's lock. */
const LOOK_MS = 20;
/** Changes by others in the middle of ours, one after the other, before it is given up: nobody's editor is as fast. */
const MOST_ATTEMPTS = 50;
const PRIVATE = 0o600;
const GROUP = 0o070;
/** Bytes of a lock that are looked at: more than one of ours has. */
const MOST_TOKEN = 100;
/** Without it, opening a pipe would wait for its writer. Windows has none. */
const { O_RDONLY, O_NONBLOCK = 0 } = constants;

export interface EditOptions {
  /** A file or folder beside it, whose owner a new file gets, and whose mode if it is a file. */
  readonly like: string;
  readonly clock?: Clock;
  readonly reader?: Reader | undefined;
}

/**
 * Puts what `change` makes of the text in its place; "" stands for a file that is not there. The same text again leaves the file as
 * it is. Throws what `change` throws, UnsafeFile, or the file system's error.
 */
export async function editFile(path: string, change: (text: string) => string, options: EditOptions): Promise<void> {
  const file = whereItIs(path);
  for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt += 1) {
    const lock = await lockFor(file, options.clock ?? systemClock);
    try {
      if (editLocked(file, lock, change, options)) return;
    } finally {
      lock.release();
    }
  }
  throw new HarmonyError("BUSY", `${path} was changed by somebody else again and again: try once more`, {
    fault: "config",
    retry: true,
  });
}

/** What a link names: the link itself stays. */
function whereItIs(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return path;
    throw error;
  }
}

/** false: somebody else has changed the file meanwhile. */
function editLocked(
  file: string,
  lock: Lock,
  change: (text: string) => string,
  { like, reader }: EditOptions,
): boolean {
  const before = absent(() => readSecretFile(file, reader).text);
  const after = change(before ?? "");
  if (after === (before ?? "")) return true;
  const draft = `${file}.${randomBytes(6).toString("hex")}`;
  try {
    writeDraft(draft, after, before === null ? likeness(like) : statSync(file));
    if (absent(() => readFileSync(file, "utf8")) !== before || !lock.isHeld()) return false;
    renameSync(draft, file);
    return true;
  } finally {
    rmSync(draft, { force: true });
  }
}

/** Of a folder the owner alone counts. */
function likeness(path: string): Pick<Stats, "uid" | "gid" | "mode"> {
  const stat = statSync(path);
  return stat.isFile() ? stat : { uid: stat.uid, gid: stat.gid, mode: PRIVATE };
}

/** Complete on the disk before it gets its name, so that a power cut leaves the old file or the new one. */
function writeDraft(draft: string, text: string, { uid, gid, mode }: Pick<Stats, "uid" | "gid" | "mode">): void {
  const fd = openSync(draft, "wx", PRIVATE);
  try {
    const bytes = Buffer.from(text);
    for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done);
    // Windows has neither owners nor modes of this kind.
    if (process.geteuid !== undefined) {
      giveTo(fd, { uid, gid, mode });
      fchmodSync(fd, mode & 0o777);
    }
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/**
 * Root gives it to its owner; by its descriptor, since that one may have put another in its place. Another user cannot, but keeps the group
 * that shares it. One that has no right to the file (of a folder, say, that was made with `install -o USER`) makes no difference.
 */
function giveTo(fd: number, { uid, gid, mode }: Pick<Stats, "uid" | "gid" | "mode">): void {
  const own = fstatSync(fd);
  if (own.uid === uid && own.gid === gid) return;
  try {
    fchownSync(fd, uid, gid);
  } catch (error) {
    if (codeOf(error) !== "EPERM") throw error;
    if (own.gid !== gid && (mode & GROUP) !== 0) fchownSync(fd, own.uid, gid);
  }
}

/** null where the file is not there. */
function absent<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (codeOf(error) === "ENOENT") return null;
    throw error;
  }
}

interface Lock {
  isHeld(): boolean;
  release(): void;
}

async function lockFor(file: string, clock: Clock): Promise<Lock> {
  const path = `${file}.lock`;
  const token = `${process.pid} ${randomBytes(12).toString("hex")}\n`;
  let seen: string | null = null;
  let since = clock.now();
  while (!take(path, token)) {
    const holder = absent(() => holderOf(path));
    if (holder !== seen || holder === null) {
      seen = holder;
      since = clock.now();
    } else if (clock.now() - since >= STALE_MS) {
      rmSync(path, { force: true });
    }
    if (holder !== null) await pass(clock, LOOK_MS);
  }
  const isHeld = () => absent(() => holderOf(path)) === token;
  return {
    isHeld,
    release: () => {
      if (isHeld()) rmSync(path, { force: true });
    },
  };
}

/** Where every user may make files, somebody may have put a pipe there, or a link: neither is waited for, nor read without end. */
function holderOf(path: string): string {
  const fd = openSync(path, O_RDONLY | O_NONBLOCK);
  try {
    if (!fstatSync(fd).isFile()) return "";
    const start = Buffer.alloc(MOST_TOKEN);
    return start.toString("utf8", 0, readSync(fd, start, 0, MOST_TOKEN, 0));
  } finally {
    closeSync(fd);
  }
}

function take(path: string, token: string): boolean {
  let fd: number;
  try {
    fd = openSync(path, "wx", PRIVATE);
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    throw error;
  }
  try {
    writeSync(fd, token);
  } finally {
    closeSync(fd);
  }
  return true;
}
