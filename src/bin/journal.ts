/** Standard error that systemd's journal reads: it takes a line's priority from the line's beginning, see sd-daemon(3). */
import { fstatSync } from "node:fs";

/** By level, those of syslog(3). */
const PRIORITIES: Readonly<Record<string, number>> = { error: 3, warning: 4, info: 6, debug: 7 };
/** A level of the logging library that is none of ours. */
const OTHER = 6;

const STDERR_FD = 2;

/**
 * The service manager names the stream that it has given its child, by device and inode: who was started by that one, and has standard
 * error elsewhere, inherits the name alone.
 */
export function isJournal(stream = process.env.JOURNAL_STREAM, fd = STDERR_FD): boolean {
  if (!stream) return false;
  try {
    const { dev, ino } = fstatSync(fd, { bigint: true });
    return stream === `${dev}:${ino}`;
  } catch {
    return false; // it is closed
  }
}

/** Each of its lines with that level's priority: the journal makes an entry of each. */
export function prefixed(level: string, text: string): string {
  const prefix = `<${PRIORITIES[level] ?? OTHER}>`;
  return prefix + text.replace(/\n(?=.)/g, `\n${prefix}`);
}
