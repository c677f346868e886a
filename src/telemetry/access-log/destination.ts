/** Where lines go: a file, a pipe with or without a reader, or standard error, opened so that no write waits for who reads. */
import { closeSync, constants, fstatSync, openSync, type Stats, statSync } from "node:fs";
import { isAbsence } from "../../util/errors.ts";

/** Clients' addresses are nobody's business but the operator's and his group's. */
const MODE = 0o640;
export const STDERR_FD = 2;

export interface Destination {
  readonly fd: number;
  /** Bytes of a write at most. */
  readonly most: number;
  close(): void;
}

/** Bytes of a write to a file: large enough that thousands of lines are one. */
const MOST = 256 * 1024;
/**
 * PIPE_BUF of Linux: a pipe takes that much whole or not at all, so that lines of several writers do not mix, and a write that says EAGAIN
 * has written nothing (Deno does not tell how much it had written before that).
 */
const PIPE_MOST = 4096;

/**
 * Throws the system's error. A FIFO without a reader is ENXIO. A FIFO and a terminal would keep a write waiting otherwise, and with it one of the few
 * threads that the runtime has for files and names.
 */
export function openFile(path: string): Destination {
  const { O_APPEND, O_CREAT, O_NONBLOCK = 0, O_WRONLY } = constants;
  const fd = openSync(path, O_WRONLY | O_APPEND | O_CREAT | (isFile(path) ? 0 : O_NONBLOCK), MODE);
  return { fd, most: fstatSync(fd).isFile() ? MOST : PIPE_MOST, close: () => closeSync(fd) };
}

/**
 * Whoever shares standard error would share that its writes do not wait. A pipe and a terminal are opened anew therefore, where the system
 * has a name for them and the runtime lets them be opened; else a write waits as those of all programs do, and this thread with it.
 */
export function openStandardError(): Destination {
  const stat = fstatSync(STDERR_FD);
  const most = stat.isFile() ? MOST : PIPE_MOST;
  const shared: Destination = { fd: STDERR_FD, most, close: () => undefined };
  if (process.platform !== "linux" || !mayWait(stat)) return shared;
  try {
    const fd = openSync(`/proc/self/fd/${STDERR_FD}`, constants.O_WRONLY | constants.O_NONBLOCK);
    return { fd, most, close: () => closeSync(fd) };
  } catch {
    return shared; // another user's terminal, or a compiled program of Deno, which may not open what lies there
  }
}

function mayWait(stat: Stats): boolean {
  return stat.isFIFO() || stat.isCharacterDevice();
}

/** Or nothing yet. */
function isFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch (error) {
    if (isAbsence(error)) return true;
    throw error;
  }
}
