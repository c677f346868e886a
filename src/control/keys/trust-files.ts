/** Where a balancer keeps what belongs to invitations: beside its key file, or where it would have one. Decides paths only. */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { maySee, mayWriteIn } from "../../util/folder-access.ts";
import type { Reader } from "../../util/secret-file.ts";
import { isPresent } from "./key-file.ts";
import { type HostEnvironment, keyPlaces } from "./key-places.ts";

export interface TrustFiles {
  readonly identity: string;
  readonly reporters: string;
  readonly invitations: string;
  readonly seen: string;
  /** Keys that were revoked. */
  readonly revoked: string;
  /** Whose owner and mode new ones of them get: the key file, so that whoever reads that can read them, or else the folder. */
  readonly like: string;
  readonly reader: Reader;
}

export interface TrustSettings {
  readonly reporters?: string | null | undefined;
  readonly keyFile?: string | null | undefined;
}

export function trustFiles({ reporters, keyFile }: TrustSettings, environment: HostEnvironment): TrustFiles {
  const folder = folderOf({ reporters, keyFile }, environment);
  const key = keyFile && dirname(keyFile) === folder ? keyFile : join(folder, "key");
  return {
    identity: join(folder, "identity"),
    reporters: reporters ?? join(folder, "reporters"),
    invitations: join(folder, "invitations"),
    seen: join(folder, "seen"),
    revoked: join(folder, "revoked"),
    like: existsSync(key) ? key : folder,
    reader: { platform: environment.platform, actsFor: environment.actsFor },
  };
}

function folderOf({ reporters, keyFile }: TrustSettings, environment: HostEnvironment): string {
  if (reporters) return dirname(reporters);
  if (keyFile) return dirname(keyFile);
  const places = keyPlaces(environment);
  const folders = places.map(({ path }) => dirname(path));
  const begun = folders.find((folder) =>
    ["reporters", "invitations", "identity"].some((name) => existsSync(join(folder, name))),
  );
  const key = places.find(isPresent);
  const own = places.filter(({ kind }) => kind !== "system").map(({ path }) => dirname(path));
  return begun ?? (key ? dirname(key.path) : (own.find(isWritable) ?? own.find(maySee) ?? own[0] ?? "."));
}

/** The places of a reporter's identity, in order of preference: the first that is there counts, or the first that can be made. */
export function identityPlace(named: string | null, environment: HostEnvironment): string {
  if (named !== null) return named;
  const places = keyPlaces(environment);
  const paths = places.map(({ path }) => join(dirname(path), REPORTER_IDENTITY));
  const own = paths.filter((_, index) => places[index]!.kind !== "system");
  return paths.find(existsSync) ?? own.find((path) => isWritable(dirname(path))) ?? own[0] ?? REPORTER_IDENTITY;
}

/** Not the balancer's `identity`: both programs may be one user's, and a reporter that changes its key must not change the balancer's. */
const REPORTER_IDENTITY = "reporter-identity";

/** Whether this user may make a file in the folder, or the folder itself. */
function isWritable(folder: string): boolean {
  if (!existsSync(folder) && dirname(folder) !== folder) return isWritable(dirname(folder));
  return mayWriteIn(folder);
}
