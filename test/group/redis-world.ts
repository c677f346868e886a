/** Stores on real servers, for the tests of what they promise. */
import { openRedisStore, type RedisStoreSettings } from "../../src/group/redis/open.ts";
import type { GroupStore } from "../../src/group/store.ts";
import { LOOPBACK } from "../support/ports.ts";
import type { RedisServer } from "../support/redis.ts";
import { until, within } from "../support/wait.ts";
import type { StoreWorld } from "./store-suite.ts";

export const atServer = (port: number, part: Partial<RedisStoreSettings["place"]> = {}): RedisStoreSettings => ({
  place: {
    form: "server",
    tls: false,
    addresses: [{ host: LOOPBACK, port }],
    user: null,
    database: 0,
    master: null,
    ...part,
  },
  name: "test",
  password: null,
  passwordFile: null,
  ca: null,
});

/** What has been opened, for `closeStores()`. */
const opened: GroupStore[] = [];

export async function closeStores(): Promise<void> {
  await Promise.all(opened.splice(0).map((store) => store.close()));
}

/** Counts how often it has been connected. */
export interface Counted {
  readonly store: GroupStore;
  readonly warnings: readonly string[];
  connected: number;
  /** Of the last time: whether it was known to be the same server. */
  isSame: boolean;
}

export async function openStore(settings: RedisStoreSettings): Promise<Counted> {
  const warnings: string[] = [];
  const store = await openRedisStore(settings, (text) => warnings.push(text));
  opened.push(store);
  const counted: Counted = { store, warnings, connected: 0, isSame: false };
  store.onConnected = (isSame) => {
    counted.isSame = isSame;
    counted.connected++;
  };
  return counted;
}

export async function openConnected(settings: RedisStoreSettings): Promise<Counted> {
  const counted = await openStore(settings);
  await connectedAgain(counted, 0);
  return counted;
}

/** It has been connected more often than so many times. */
export async function connectedAgain(counted: Counted, before: number): Promise<void> {
  await until("a connection to Redis", () => counted.connected > before).catch(async (error: Error) => {
    const why = await counted.store.say("?", "?").then(
      () => "it can be asked",
      (reason: Error) => reason.message,
    );
    throw new Error(`${error.message}: ${why}`);
  });
}

/** The reason for which a call is rejected by and by. */
export function rejection(counted: Counted, fits: RegExp): Promise<Error & { code: string; fault: string }> {
  return until(`a rejection for ${fits}`, async () => {
    try {
      await within("an answer or none", counted.store.say("id", "word"), 5_000);
      return null;
    } catch (error) {
      return fits.test((error as Error).message) ? (error as Error & { code: string; fault: string }) : null;
    }
  });
}

export async function forgeAt(server: RedisServer, name: string, text: string): Promise<void> {
  await server.tell(`HSET harmony:{test}:1:permits ${name} "${text}"`);
}

export async function worldOn(
  settings: () => RedisStoreSettings,
  server: RedisServer,
  clear: () => Promise<unknown> = () => server.tell("FLUSHALL"),
): Promise<StoreWorld> {
  return {
    open: async () => (await openConnected(settings())).store,
    forge: (name, text) => forgeAt(server, name, text),
    clear: async () => void (await clear()),
    end: () => server.kill(),
  };
}
