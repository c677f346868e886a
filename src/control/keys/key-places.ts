/** Where key files are looked for when none is named. Decides paths only; key-file.ts reads and creates them. */
import { readFileSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { posix, win32 } from "node:path";
import type { Reader } from "../../util/secret-file.ts";

/** What the places depend on: the system and the user. */
export interface HostEnvironment extends Reader {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The user's home, or null where there is none that is a directory. */
  readonly home: string | null;
  /** The system's directory of configuration, and the one of what services keep. Not used on Windows. */
  readonly etc: string;
  readonly state: string;
}

export interface KeyPlace {
  readonly path: string;
  /** Whose directory it is: the `system`'s (the balancer creates no key there), the `user`'s, or that of a `service`, which may be another one. */
  readonly kind: "system" | "user" | "service";
}

/**
 * In order of preference; the balancer creates its key at the first that is not the system's and can be written to. Not
 * in a directory of temporary files: after the next boot there would be another key, and every reporter would be rejected.
 */
export function keyPlaces({ platform, env, home, etc, state }: HostEnvironment): KeyPlace[] {
  const places: KeyPlace[] = [];
  if (platform === "win32") {
    const roaming = env.APPDATA || (home && win32.join(home, "AppData", "Roaming"));
    if (roaming) places.push({ path: win32.join(roaming, "harmony", "key"), kind: "user" });
    return places;
  }
  places.push({ path: posix.join(etc, "harmony", "key"), kind: "system" });
  const config = env.XDG_CONFIG_HOME || (home && posix.join(home, ".config"));
  if (config) places.push({ path: posix.join(config, "harmony", "key"), kind: "user" });
  // As systemd sets it: directories with colons between them.
  const [given] = (env.STATE_DIRECTORY ?? "").split(":");
  if (given) places.push({ path: posix.join(given, "key"), kind: "service" });
  const common = posix.join(state, "harmony", "key");
  if (!places.some(({ path }) => path === common)) places.push({ path: common, kind: "service" });
  return places;
}

export function hostEnvironment(): HostEnvironment {
  return {
    platform: process.platform,
    env: process.env,
    home: usableHome(),
    etc: "/etc",
    state: "/var/lib",
  };
}

/** null for the homes of service users, such as `/nonexistent` or `/`. */
function usableHome(): string | null {
  try {
    const home = homedir();
    return home && home !== "/" && statSync(home).isDirectory() ? home : null;
  } catch {
    return null; // no such directory, or the system does not know the user: the next place is used
  }
}

/** For messages: the user that this process runs as. Not from os.userInfo(), which in Bun says what $USER says. */
export function userName(): string {
  const uid = process.geteuid?.();
  if (uid === undefined) return "this user";
  return `user ${nameOf(uid) ?? uid}`;
}

/** Undefined for a user of a directory service, or none. */
function nameOf(uid: number): string | undefined {
  try {
    const entries = readFileSync("/etc/passwd", "utf8").split("\n");
    return entries.map((entry) => entry.split(":")).find((fields) => Number(fields[2]) === uid)?.[0];
  } catch {
    return undefined; // the number says it as well
  }
}
