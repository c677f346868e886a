/** Where the sockets of both programs lie where nobody has said so: commands find them there. */
import { mkdirSync, readdirSync } from "node:fs";
import { dirname, posix } from "node:path";
import type { HostEnvironment } from "../control/keys/key-places.ts";
import { identityPlace, type TrustSettings, trustFiles } from "../control/keys/trust-files.ts";
import { codeOf, isAbsence } from "../util/errors.ts";
import { mayWriteIn } from "../util/folder-access.ts";

const NAME = "api.sock";
/** Of a reporter's socket, without what tells it from others. */
const REPORTER = "reporter-";
const FOLDER = "harmony";
/** Reporters of one target on one host: more than anybody has balancers. */
const MOST_ALIKE = 16;

/** Where the system keeps what lives as long as a process. */
const RUN = "/run";

/** Of a balancer, in order of preference. None on Windows, whose sockets no file guards. */
export function socketPlaces(settings: TrustSettings, environment: HostEnvironment, run = RUN): string[] {
  const last = () => dirname(trustFiles(settings, environment).identity);
  return foldersFor(last, environment, run).map((folder) => posix.join(folder, NAME));
}

/** The first of these where this user may make a file, or null. The user's own folder for such files is made. */
export function ownSocketPlace(settings: TrustSettings, environment: HostEnvironment, run = RUN): string | null {
  makeOwnFolder(environment);
  return socketPlaces(settings, environment, run).find((path) => mayWriteIn(dirname(path))) ?? null;
}

/** As socketPlaces(), of a reporter: many may run on one host, and are told apart by the target that they name first. */
export function reporterFolders(identity: string | null, environment: HostEnvironment, run = RUN): string[] {
  return foldersFor(() => dirname(identityPlace(identity, environment)), environment, run);
}

/**
 * Where a reporter of this target has its socket: the first of these where no other one listens. Two may tell different balancers of
 * one target. None, where there is no folder for it.
 */
export function ownReporterPlaces(
  identity: string | null,
  { pool, port }: { readonly pool: string; readonly port: number },
  environment: HostEnvironment,
  run = RUN,
): string[] {
  makeOwnFolder(environment);
  const folder = reporterFolders(identity, environment, run).find(mayWriteIn);
  if (folder === undefined) return [];
  const ends = Array.from({ length: MOST_ALIKE }, (_, before) => (before === 0 ? "" : `-${before + 1}`));
  return ends.map((end) => posix.join(folder, `${REPORTER}${pool}-${port}${end}.sock`));
}

/** All that lie in these folders, of reporters that run or have run. A folder that cannot be read has none. */
export function reporterSockets(folders: readonly string[]): string[] {
  return folders.flatMap((folder) => {
    const names = namesIn(folder).filter((name) => name.startsWith(REPORTER) && name.endsWith(".sock"));
    return names.toSorted().map((name) => posix.join(folder, name));
  });
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (isAbsence(error) || codeOf(error) === "EACCES") return [];
    throw error;
  }
}

/**
 * The first is what systemd gives a service (RuntimeDirectory=harmony); where the second is that very folder, whoever is not the service
 * finds it as well. `last`: beside the key file.
 */
function foldersFor(last: () => string, { platform, env }: HostEnvironment, run: string): string[] {
  if (platform === "win32") return [];
  const [service] = (env.RUNTIME_DIRECTORY ?? "").split(":");
  const folders = [
    ...(service ? [service] : []),
    posix.join(run, FOLDER),
    ...(env.XDG_RUNTIME_DIR ? [posix.join(env.XDG_RUNTIME_DIR, FOLDER)] : []),
    last(),
  ];
  return [...new Set(folders)];
}

function makeOwnFolder({ platform, env: { XDG_RUNTIME_DIR: own } }: HostEnvironment): void {
  if (own && platform !== "win32" && mayWriteIn(own))
    mkdirSync(posix.join(own, FOLDER), { mode: 0o700, recursive: true });
}
