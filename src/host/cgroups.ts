/** Where the kernel keeps what it counts and limits for a process, as cgroups of version 1 or 2 (cgroups(7)). */
import type { ReadFile } from "./gauge.ts";

/** A cgroup that may have a limit, as folders. They are one in version 2. */
export interface CgroupFolders {
  readonly version: 1 | 2;
  /** Has the limit. */
  readonly limit: string;
  /** Has what was used. */
  readonly usage: string;
}

interface Mount {
  /** What of the hierarchy is seen at `at`. */
  readonly root: string;
  readonly at: string;
  /** `cgroup2`, or the controllers of version 1. */
  readonly controllers: readonly string[];
}

/** The mounts of cgroups among those of /proc/self/mountinfo (proc_pid_mountinfo(5)). */
export function cgroupMounts(mountinfo: string): Mount[] {
  return mountinfo.split("\n").flatMap((line) => {
    const [before = "", after = ""] = line.split(" - ");
    const [, , , root, at] = before.split(" ").map(unescaped);
    const [type, , options = ""] = after.split(" ");
    if (root === undefined || at === undefined) return [];
    if (type === "cgroup2") return [{ root, at, controllers: ["cgroup2"] }];
    return type === "cgroup" ? [{ root, at, controllers: options.split(",") }] : [];
  });
}

/** Spaces and their like are octal there. */
function unescaped(field: string): string {
  return field.replaceAll(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}

/** Controller → cgroup, of /proc/self/cgroup: `0::/a/b` in version 2, `4:cpu,cpuacct:/a/b` in version 1. */
export function ownCgroups(text: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const line of text.split("\n")) {
    const match = /^(\d+):([^:]*):(\/.*)$/.exec(line);
    if (match === null) continue;
    const [, id, controllers = "", path = "/"] = match;
    for (const controller of id === "0" && controllers === "" ? ["cgroup2"] : controllers.split(",")) {
      found.set(controller, path);
    }
  }
  return found;
}

/**
 * The cgroup of this process, or the one that is named, and all above it, each of which may have a limit: the innermost first. None where
 * there are no cgroups, or they may not be seen.
 */
export function cgroupsAbove(read: ReadFile, named: string | null): CgroupFolders[] {
  const mounts = cgroupMounts(read("/proc/self/mountinfo") ?? "");
  const own = ownCgroups(read("/proc/self/cgroup") ?? "");
  const foldersOf = (controller: string): string[] => {
    const mount = mounts.find(({ controllers }) => controllers.includes(controller));
    const path = named ?? own.get(controller);
    return mount === undefined || path === undefined ? [] : levels(mount, path);
  };
  const [limits, usages] = [foldersOf("cpu"), foldersOf("cpuacct")];
  // Where both versions are there, one of them has the processors.
  if (limits.length > 0 && limits.length === usages.length) {
    return limits.map((limit, index) => ({ version: 1, limit, usage: usages[index]! }));
  }
  return foldersOf("cgroup2").map((folder) => ({ version: 2, limit: folder, usage: folder }));
}

/** The folder of a cgroup and those around it, as far as they are seen. */
function levels({ root, at }: Mount, path: string): string[] {
  const prefix = root === "/" ? "" : root;
  // A container often sees its own cgroup as the root, and itself at a path outside of it.
  const inside = path === prefix || path.startsWith(`${prefix}/`) ? path.slice(prefix.length) : "";
  const names = inside.split("/").filter((name) => name !== "" && name !== "..");
  return Array.from({ length: names.length + 1 }, (_, up) => [at, ...names.slice(0, names.length - up)].join("/"));
}
