/** Which keys a balancer accepts and which one a reporter uses: from HARMONY_KEY, a named file, or the default places. */
import { existsSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { systemClock } from "../../util/clock.ts";
import { codeOf, HarmonyError, messageOf } from "../../util/errors.ts";
import { maySee } from "../../util/folder-access.ts";
import { BalancerIdentity } from "./identity-watch.ts";
import { Invitations } from "./invitations.ts";
import { INSECURE_KEY, parseGivenKey, type SharedKey } from "./key.ts";
import { badFile, badKeyFile, createKeyFile, isDenied, isPresent, readExisting } from "./key-file.ts";
import { type HostEnvironment, hostEnvironment, type KeyPlace, keyPlaces, userName } from "./key-places.ts";
import { Keys } from "./keys.ts";
import { Reporters } from "./reporters.ts";
import { Revocations } from "./revocations.ts";
import { type TrustFiles, trustFiles } from "./trust-files.ts";

/** The operator's options about keys, by their names in the option table. */
export interface KeySettings {
  /** `[id:]secret`: HARMONY_KEY, or the library's `key`. Takes precedence over any file. */
  readonly key?: string | null;
  /** Without it the default places are tried. */
  readonly keyFile?: string | null;
  /** The balancer's file of invited reporters. Without it, the one beside the key file. */
  readonly reporters?: string | null;
  /** The balancer also accepts, and the reporter uses, the key that everybody knows. */
  readonly insecure?: boolean;
}

export interface BalancerKeys {
  readonly keys: Keys;
  readonly revocations: Revocations;
  readonly identity: BalancerIdentity;
  readonly invitations: Invitations;
  /** The lines of those that have joined. */
  readonly reporters: Reporters;
  readonly files: TrustFiles;
  /** One line on how to copy a newly created key to other hosts, null when none was created. */
  readonly hint: string | null;
  /** A file that precedes the one in use, and that this user may not read. */
  readonly warning: string | null;
}

/** Throws HarmonyError. */
export function balancerKeys(settings: KeySettings, environment: HostEnvironment = hostEnvironment()): BalancerKeys {
  const { key, keyFile, insecure } = settings;
  const fixed = [...(insecure ? [INSECURE_KEY] : []), ...(key ? [parseGiven(key)] : [])];
  const found = key ? undefined : existingPlace(keyFile, environment);
  const denied = key ? [] : deniedFiles(keyFile, environment);
  if (found || fixed.length > 0) {
    const instead = found ? `the keys of ${found.path} are used` : "it is left out";
    const warning = denied.length > 0 ? `${mayNotRead(denied)}; until then ${instead}` : null;
    return { ...trusted(fixed, found?.path ?? null, settings, environment), hint: null, warning };
  }
  // A key of its own beside the one that reporters hold would reject them all.
  if (denied.length > 0) throw new HarmonyError("NO_KEY", mayNotRead(denied), { fault: "config" });
  const invited = trusted([], null, settings, environment);
  // Also where the last of them is out, and no invitation open: a secret that nobody has asked for is none to be made.
  const isInvited = invited.identity.keyPair !== null || invited.invitations.open().length > 0;
  if (isInvited || invited.keys.loaded.reporters > 0) return { ...invited, hint: null, warning: null };
  const path = create(keyFile, environment);
  const hint = `created key file ${path}; if there is another balancer, copy its key here instead; ${copyHint(path)}`;
  return { ...trusted([], path, settings, environment), warning: null, hint };
}

/**
 * What lies in the files, for a command: a shared key is not made, nor need there be one. Root works for the user whose files they are.
 * Throws HarmonyError.
 */
export function balancerFiles(
  settings: KeySettings,
  environment: HostEnvironment,
): Omit<BalancerKeys, "hint" | "warning"> {
  const found = existingPlace(settings.keyFile, environment);
  const { like } = trustFiles(settings, environment);
  const isRoot = process.geteuid?.() === 0;
  const actsFor = isRoot && existsSync(like) ? statSync(like).uid : undefined;
  return trusted([], found?.path ?? null, settings, { ...environment, actsFor });
}

function trusted(
  fixed: readonly SharedKey[],
  file: string | null,
  settings: KeySettings,
  environment: HostEnvironment,
) {
  const files = trustFiles(settings, environment);
  const { reporters } = settings;
  if (reporters && !maySee(dirname(reporters)))
    throw badFile("reporters file", reporters, `cannot be read: ${userName()} may not look into its folder`, true);
  const revocations = new Revocations(files, systemClock);
  const keys = new Keys(fixed, file, environment, {
    reporters: files.reporters,
    revocations,
    isInvited: () => existsSync(files.identity),
  });
  const invitations = new Invitations(files, (name) => keys.every().some(({ key }) => key.id === name));
  return {
    keys,
    revocations,
    invitations,
    reporters: new Reporters(files, keys),
    identity: new BalancerIdentity(files.identity, files.reader),
    files,
  };
}

/**
 * A function that looks at each call, since the key may appear or change while the reporter runs. It throws `NO_KEY` (a
 * retry can help), `BAD_KEY` or `BAD_KEY_FILE`.
 */
export function reporterKey({ key, keyFile, insecure }: KeySettings, environment?: HostEnvironment): () => SharedKey {
  return () => {
    if (insecure) return INSECURE_KEY;
    if (key) return parseGiven(key);
    const here = environment ?? hostEnvironment();
    const found = existingPlace(keyFile, here);
    const first = found && readExisting(found.path, here).keys[0];
    if (first) return first;
    const places = keyFile ? [keyFile] : keyPlaces(here).map(({ path }) => path);
    const denied = places.filter(isDenied);
    if (denied.length > 0) throw new HarmonyError("NO_KEY", mayNotRead(denied), { fault: "config", retry: true });
    throw new HarmonyError(
      "NO_KEY",
      `no key at ${places.join(", ")}: copy the balancer's key file there, name one with --key-file, or set HARMONY_KEY`,
      { fault: "config", retry: true },
    );
  };
}

function parseGiven(key: string): SharedKey {
  return parseGivenKey(key, "the key given as HARMONY_KEY or option");
}

function existingPlace(named: string | null | undefined, environment: HostEnvironment): KeyPlace | undefined {
  if (named) return existsSync(named) ? { path: named, kind: "user" } : undefined;
  return keyPlaces(environment).find(isPresent);
}

/** Files that the operator meant for this balancer, the named one or the system's, and that this user may not read. */
function deniedFiles(named: string | null | undefined, environment: HostEnvironment): string[] {
  const places = named
    ? [named]
    : keyPlaces(environment)
        .filter(isOfSystem)
        .map(({ path }) => path);
  return places.filter(isDenied);
}

function isOfSystem({ kind }: KeyPlace): boolean {
  return kind === "system";
}

function mayNotRead(paths: readonly string[]): string {
  const files = paths.join(", ");
  return `${userName()} may not read ${files}: let a group of its own read it (chgrp, chmod 640), or name another file with --key-file`;
}

/** Errors of a directory that cannot be written to: the next place is tried. */
const UNWRITABLE = new Set(["EACCES", "EPERM", "EROFS", "ENOENT", "ENOTDIR"]);

/** The path of the file that it has created. */
function create(named: string | null | undefined, environment: HostEnvironment): string {
  // The directory of a named file must exist: creating it would hide a mistyped path.
  if (named && !existsSync(dirname(named))) throw badKeyFile(named, "cannot be created: there is no such directory");
  const places = keyPlaces(environment).filter((place) => !isOfSystem(place));
  const problems: string[] = [];
  for (const path of named ? [named] : places.map((place) => place.path)) {
    try {
      createKeyFile(path, environment);
      return path;
    } catch (error) {
      if (!UNWRITABLE.has(codeOf(error) ?? "")) throw error;
      problems.push(messageOf(error));
    }
  }
  throw new HarmonyError(
    "NO_KEY",
    `no key, and ${userName()} could create none (${problems.join("; ")}): set HARMONY_KEY, name a file with --key-file ` +
      "in a directory where it may write, or give its service a place of its own (StateDirectory=harmony of systemd)",
    { fault: "config" },
  );
}

function copyHint(path: string): string {
  const target = ".config/harmony";
  return `other hosts are best invited (harmony-balancer invite NAME), or hand it to a reporter's host with: ssh HOST mkdir -pm 700 ${target} && scp -p ${path} HOST:${target}/key`;
}
