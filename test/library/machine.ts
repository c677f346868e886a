/**
 * A machine for the examples of the first README, which have fixed ports and a host name: where the system allows it, they
 * run in a network of their own with a hosts file of their own.
 */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { temporaryFolder } from "../support/folder.ts";

export const folder: string = temporaryFolder("examples");
const hosts = join(folder, "hosts");
writeFileSync(hosts, "127.0.0.1 localhost balance.mydomain\n::1 localhost\n");

/** Where programs of this machine would be found, if it has Harmony. */
const RUN = "/run/harmony";

/** Runs the command that follows on that machine. */
const ISOLATED = [
  "unshare",
  "-rnm",
  "sh",
  "-c",
  `ip link set lo up && mount --bind ${hosts} /etc/hosts && { [ ! -d ${RUN} ] || mount -t tmpfs none ${RUN}; } && exec "$@"`,
  "sh",
];

/** Whether there can be such a machine here. */
export const isolated: boolean =
  process.platform === "linux" && spawnSync(ISOLATED[0]!, [...ISOLATED.slice(1), "true"]).status === 0;

export function onMachine(command: readonly string[]): string[] {
  return isolated ? [...ISOLATED, ...command] : [...command];
}

/** Those of the ports that are in use now. */
export async function taken(ports: readonly number[]): Promise<number[]> {
  const free = await Promise.all(ports.map(isFree));
  return ports.filter((_, index) => !free[index]);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, () => server.close(() => resolve(true)));
  });
}
