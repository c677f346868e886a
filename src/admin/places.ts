/** Where the API's socket lies where nobody has said so: commands find it there. */
import { mkdirSync } from "node:fs";
import { dirname, posix } from "node:path";
import type { HostEnvironment } from "../control/keys/key-places.ts";
import { type TrustSettings, trustFiles } from "../control/keys/trust-files.ts";
import { mayWriteIn } from "../util/folder-access.ts";

const NAME = "api.sock";
const FOLDER = "harmony";

/** Where the system keeps what lives as long as a process. */
const RUN = "/run";

/**
 * In order of preference. The first is what systemd gives a service (RuntimeDirectory=harmony); where the second is that very folder,
 * whoever is not the service finds it as well. The last is beside the key file. None on Windows, whose sockets no file guards.
 */
export function socketPlaces(settings: TrustSettings, environment: HostEnvironment, run = RUN): string[] {
  const { platform, env } = environment;
  if (platform === "win32") return [];
  const [service] = (env.RUNTIME_DIRECTORY ?? "").split(":");
  const folders = [
    ...(service ? [service] : []),
    posix.join(run, FOLDER),
    ...(env.XDG_RUNTIME_DIR ? [posix.join(env.XDG_RUNTIME_DIR, FOLDER)] : []),
    dirname(trustFiles(settings, environment).identity),
  ];
  return [...new Set(folders)].map((folder) => posix.join(folder, NAME));
}

/** The first of these where this user may make a file, or null. The user's own folder for such files is made. */
export function ownSocketPlace(settings: TrustSettings, environment: HostEnvironment, run = RUN): string | null {
  const { XDG_RUNTIME_DIR: own } = environment.env;
  if (own && environment.platform !== "win32" && mayWriteIn(own)) {
    mkdirSync(posix.join(own, FOLDER), { mode: 0o700, recursive: true });
  }
  return socketPlaces(settings, environment, run).find((path) => mayWriteIn(dirname(path))) ?? null;
}
