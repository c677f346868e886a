/**
 * The file of a Unix socket that listens. It gets its name only when it has its mode and its owner, so that nobody connects who may
 * not; it takes the place of a file whose process is gone, and of no other; and it goes with its socket, unless another one has its
 * name by then.
 */
import { Buffer } from "node:buffer";
import {
  chmodSync,
  lchownSync,
  linkSync,
  lstatSync,
  mkdtempSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  unlinkSync,
} from "node:fs";
import { connect } from "node:net";
import { dirname, join } from "node:path";
import { formatAddress } from "../util/address.ts";
import { codeOf, isAbsence, messageOf } from "../util/errors.ts";
import { systemId } from "../util/system-ids.ts";
import { NetError, netError, toNetError } from "./net-error.ts";
import type { Listener, UnixAddress, UnixListenAddress } from "./runtime.ts";

/** Bytes of a path that the kernel has room for, beside the NUL behind it. */
const MOST_BYTES = process.platform === "linux" ? 107 : 103;
/** The folder beside the file in which it is made, and its name there. The system puts six characters in place of these. */
const APART = ".harmony-XXXXXX";
const NAME = "s";
const ALL_MODES = 0o777;
/** ms for which a connect may go unanswered; its backlog is full then, and it is somebody's. */
const ANSWER_MS = 1_000;

/** The file of one socket. */
export class SocketFile {
  readonly path: string;
  /** As it was made, before it was given to anybody. */
  readonly #made: Stats;

  constructor(path: string, made: Stats) {
    this.path = path;
    this.#made = made;
  }

  /**
   * Its mode and owner are as if it had been made so. They are changed under a second name, in a folder that only this user may enter:
   * whoever may write in its own folder cannot put another file in its place meanwhile. Throws NetError.
   */
  change(where: UnixListenAddress): void {
    const doing = `cannot change ${formatAddress(where)}`;
    const ids = idsOf(where, doing);
    const folder = newFolder(this.path, doing);
    try {
      const again = join(folder, NAME);
      linkSync(this.path, again);
      if (!this.#isAt(again)) throw new NetError("EINVAL", `${doing}: another file has its name by now`);
      give(again, where, ids, this.#made);
    } catch (error) {
      if (isAbsence(error)) throw new NetError("ENOENT", `${doing}: its file is not there any more`, error);
      throw refusal(error, where, doing);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  /** To be called before the socket is closed: while it is open, no other file has its inode. */
  remove(): void {
    try {
      if (this.#isAt(this.path)) unlinkSync(this.path);
    } catch (error) {
      void error; // gone already, or the folder is not ours any more: the next to listen there replaces it
    }
  }

  #isAt(path: string): boolean {
    const { dev, ino } = lstatSync(path);
    return dev === this.#made.dev && ino === this.#made.ino;
  }
}

interface Ids {
  readonly owner: number | null;
  readonly group: number | null;
}

export interface BoundSocket<T> {
  readonly bound: T;
  readonly file: SocketFile;
}

/**
 * Has a socket bound, listening, by `bind` in a folder that only this user may enter, and gives it its own name then. `unbind` takes
 * that back where it fails. Rejects with NetError: EADDRINUSE where somebody listens there, or where the file is no socket.
 */
export async function bindSocketFile<T>(
  where: UnixListenAddress,
  bind: (path: string) => T | Promise<T>,
  unbind: (bound: T) => unknown,
): Promise<BoundSocket<T>> {
  const doing = `cannot listen on ${formatAddress(where)}`;
  check(where.path, doing);
  const ids = idsOf(where, doing);
  await makeSureItIsFree(where.path, doing);
  const folder = newFolder(where.path, doing);
  try {
    const made = join(folder, NAME);
    const bound = await bind(made);
    try {
      return { bound, file: finish(made, where, ids) };
    } catch (error) {
      await unbind(bound);
      throw refusal(error, where, doing);
    }
  } catch (error) {
    throw toNetError(error, doing);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What was made gets what it is to have, its name last. */
function finish(made: string, where: UnixListenAddress, ids: Ids): SocketFile {
  const stat = lstatSync(made);
  give(made, where, ids, stat);
  renameSync(made, where.path);
  return new SocketFile(where.path, stat);
}

/** What the address leaves open is as it was `made`. */
function give(path: string, { mode }: UnixListenAddress, { owner, group }: Ids, made: Stats): void {
  const now = lstatSync(path);
  const [uid, gid] = [owner ?? made.uid, group ?? made.gid];
  if (uid !== now.uid || gid !== now.gid) lchownSync(path, uid, gid);
  chmodSync(path, mode ?? made.mode & ALL_MODES);
}

function newFolder(path: string, doing: string): string {
  try {
    return mkdtempSync(join(dirname(path), APART.slice(0, -6)));
  } catch (error) {
    const why = isDenied(error) ? "permission denied" : messageOf(error);
    throw new NetError(
      isDenied(error) ? "EACCES" : "EINVAL",
      `${doing}: nothing can be made in its folder: ${why}`,
      error,
    );
  }
}

function isDenied(error: unknown): boolean {
  return ["EACCES", "EPERM", "EROFS"].includes(codeOf(error) ?? "");
}

/** A runtime's listener out of one that `bind` makes at the path it is given. */
export async function listenAtPath(
  where: UnixListenAddress,
  bind: (path: string) => Pick<Listener, "close"> | Promise<Pick<Listener, "close">>,
): Promise<Listener<UnixAddress>> {
  const { bound, file } = await bindSocketFile(where, bind, (listener) => listener.close());
  let isOpen = true;
  return {
    address: { path: where.path },
    change: (other) => file.change(other),
    close() {
      if (isOpen) file.remove();
      isOpen = false;
      return bound.close();
    },
  };
}

function check(path: string, doing: string): void {
  const fail = (code: "EINVAL" | "ENOENT" | "EACCES", why: string) => new NetError(code, `${doing}: ${why}`);
  if (process.platform === "win32") throw fail("EINVAL", "Windows has no such sockets");
  if (path === "" || path.includes("\0")) throw fail("EINVAL", "that is no path");
  const folder = dirname(path);
  if ([path, join(folder, APART, NAME)].some((each) => Buffer.byteLength(each) > MOST_BYTES)) {
    throw fail("EINVAL", "the path is too long for a socket");
  }
  try {
    if (statSync(folder).isDirectory()) return;
  } catch (error) {
    if (!isAbsence(error)) throw fail("EACCES", `the folder ${folder} cannot be looked at (${codeOf(error)})`);
  }
  throw fail("ENOENT", `there is no folder ${folder}`);
}

function idsOf({ owner, group }: UnixListenAddress, doing: string): Ids {
  return { owner: idOf("user", owner, doing), group: idOf("group", group, doing) };
}

function idOf(kind: "user" | "group", name: string | null, doing: string): number | null {
  try {
    return name === null ? null : systemId(kind, name);
  } catch (error) {
    throw new NetError("EINVAL", `${doing}: ${messageOf(error)}`);
  }
}

/** A file of a process that is gone refuses connections, and may be replaced. */
async function makeSureItIsFree(path: string, doing: string): Promise<void> {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return;
  if (!stat.isSocket()) throw new NetError("EADDRINUSE", `${doing}: a file that is no socket has this name`);
  if (await isServed(path, doing)) throw netError("EADDRINUSE", doing);
}

function isServed(path: string, doing: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path });
    const timer = setTimeout(() => tell(true), ANSWER_MS);
    const tell = (answer: boolean): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answer);
    };
    socket.once("connect", () => tell(true));
    socket.on("error", (error) => {
      const code = codeOf(error);
      if (code === "ECONNREFUSED" || isAbsence(error)) return tell(false);
      if (code === "EAGAIN") return tell(true); // its backlog is full
      clearTimeout(timer);
      reject(toNetError(error, `${doing}, where somebody may listen already`));
    });
  });
}

function refusal(error: unknown, { mode, owner, group }: UnixListenAddress, doing: string): NetError {
  if (!isDenied(error)) return toNetError(error, doing);
  const wanted = [
    ...(mode === null ? [] : [`mode ${mode.toString(8)}`]),
    ...(owner === null ? [] : [`owner ${owner}`]),
    ...(group === null ? [] : [`group ${group}`]),
  ];
  const text = `this user may not give it ${wanted.join(", ") || "its name"}`;
  return new NetError("EACCES", `${doing}: ${text}; only root gives files to others`, error);
}
