/** What this process has open: how a test sees that nothing was leaked. */
import { readdirSync, readlinkSync } from "node:fs";

/** The number of open descriptors, or null where the system does not list them (macOS, Windows). */
export function descriptors(): number | null {
  try {
    return readdirSync("/proc/self/fd").length;
  } catch (error) {
    void error; // no /proc
    return null;
  }
}

/** The sockets among them, by inode: a failure then says which one was left. */
export function sockets(): Set<string> {
  const links = readdirSync("/proc/self/fd").map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch (error) {
      void error; // closed since it was listed
      return "";
    }
  });
  return new Set(links.filter((link) => link.startsWith("socket:")));
}
