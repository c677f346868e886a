/** What is compiled. */
import { rmSync } from "node:fs";

export interface Program {
  readonly name: string;
  /** First the program itself, then files that it starts as workers. Relative to the root. */
  readonly entries: readonly [string, ...string[]];
  /** What the Deno form may do; everything else is denied to it for good. */
  readonly denoPermissions: readonly string[];
}

const COMMON_PERMISSIONS = [
  "--allow-net", // any port and any target is the user's choice
  "--allow-read", // key, configuration, certificate and unavailable files, at paths of the user's choice
  "--allow-write", // the key file, where there is none
  "--allow-env", // HARMONY_…, HOME and its like for the key's place
  "--allow-sys", // the user's id (the key's place), the host's own addresses (a target that loops back is refused)
];

export const programs: readonly Program[] = [
  {
    name: "harmony-balancer",
    entries: ["src/bin/harmony-balancer.ts", "src/engines/linux/worker/worker.ts", "src/tls/worker/tls-thread.ts"],
    // The linux engine's system calls, the service manager's socket; and checks of health by a program (running anything allows no less).
    denoPermissions: [...COMMON_PERMISSIONS, "--allow-ffi", "--allow-run"],
  },
  {
    name: "harmony-reporter",
    entries: ["src/bin/harmony-reporter.ts"],
    // The server after `--`, and what the kernel says of processors and limits (/proc, /sys): Deno shows that to programs that may do all, and
    // running anything allows no less.
    denoPermissions: ["--allow-all"],
  },
];

/** For folders of intermediate files. */
export function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
}
