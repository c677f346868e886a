/** Opens a group's store on Redis. Loaded only where there is a group, and with it the client library. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { type Clock, systemClock } from "../../util/clock.ts";
import { HarmonyError, messageOf } from "../../util/errors.ts";
import { readSecretFile } from "../../util/secret-file.ts";
import type { GroupPlace } from "../place.ts";
import type { GroupStore } from "../store.ts";
import { Layout } from "./layout.ts";
import { Link } from "./link.ts";
import { RedisStore } from "./redis-store.ts";
import { type Login, openSession } from "./session.ts";

const UNKNOWN_SERVER =
  "the group's user at Redis may not ask it for INFO: each connection counts as one to another server, and no balancer gets more of a pool's concurrency for 8 s after one was lost; give it the right (+info)";

export interface RedisStoreSettings {
  readonly place: GroupPlace;
  /** Of the group: several may share one Redis. */
  readonly name: string;
  readonly password: string | null;
  /** A path, read for each connection: the password may be changed while the balancer runs. It counts where `password` is null. */
  readonly passwordFile: string | null;
  /** A path to PEM, likewise. null: the system's authorities. */
  readonly ca: string | null;
}

/**
 * Does not wait for a connection: `onConnected` tells of it, and calls are rejected until then. `onWarning`: something that others have
 * written is ignored; what a call is rejected for is not told there.
 */
export async function openRedisStore(
  settings: RedisStoreSettings,
  onWarning: (text: string) => void,
  clock: Clock = systemClock,
): Promise<GroupStore> {
  const library = await import("ioredis");
  const layout = new Layout(settings.name);
  let isToldOf = false;
  const link = new Link(clock, async (attempt, signal) => {
    const { place } = settings;
    const tls = place.tls ? { ca: settings.ca === null ? null : read("group-ca", settings.ca, readText) } : null;
    const parts = { library, clock, signal, tls, place, login: loginOf(settings), layout };
    const session = await openSession(parts, attempt);
    if (session.server === null && !isToldOf) onWarning(UNKNOWN_SERVER);
    isToldOf ||= session.server === null;
    return session;
  });
  const store = new RedisStore(link, layout, onWarning);
  link.start();
  return store;
}

function loginOf({ place, password, passwordFile }: RedisStoreSettings): Login {
  if (password !== null || passwordFile === null) return { user: place.user, password };
  return { user: place.user, password: read("group-password-file", passwordFile, passwordIn) };
}

function readText(path: string): string {
  return readFileSync(path, "utf8");
}

/** What editors and `echo` put behind it is no part of it. */
function passwordIn(path: string): string {
  return readSecretFile(path).text.replace(/\r?\n$/, "");
}

function read(option: string, path: string, from: (path: string) => string): string {
  try {
    return from(resolve(path));
  } catch (error) {
    throw new HarmonyError("GROUP_REFUSED", `${option}: the file ${messageOf(error)}`, {
      fault: "config",
      retry: true,
    });
  }
}
