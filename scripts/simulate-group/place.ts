/** Where the balancers of a simulation meet: in memory, by a clock that is moved, or at a real Redis, by the one of this machine. */
import { openRedisStore } from "../../src/group/redis/open.ts";
import type { GroupStore } from "../../src/group/store.ts";
import { type Clock, pass, systemClock } from "../../src/util/clock.ts";
import { atServer } from "../../test/group/redis-world.ts";
import { ManualClock } from "../../test/support/clock.ts";
import { GroupMemory, MemoryStore } from "../../test/support/group-store.ts";
import { endRedis, REDIS, RedisServer } from "../../test/support/redis.ts";
import { settle } from "../../test/support/wait.ts";

export interface StorePlace {
  readonly name: string;
  readonly clock: Clock;
  open(): GroupStore | Promise<GroupStore>;
  pass(ms: number): Promise<void>;
  /** As when it is restarted empty. */
  clear(): Promise<void>;
  /** No hint comes through; null: that cannot be had here. */
  readonly hints: ((areLost: boolean) => void) | null;
  /** One balancer is cut from it; null: that cannot be had here. */
  readonly cut: ((store: GroupStore, isCut: boolean) => void) | null;
  close(): Promise<void>;
}

export function inMemory(): StorePlace {
  const clock = new ManualClock(1_000_000);
  const memory = new GroupMemory(clock);
  return {
    name: "a store in memory, to which a call takes no time",
    clock,
    open: () => memory.open(),
    async pass(ms) {
      clock.advance(ms);
      await settle(3);
    },
    clear: async () => memory.clear(),
    hints: (hintsLost) => memory.fault({ hintsLost }),
    cut(store, lost) {
      if (store instanceof MemoryStore) store.fault({ lost });
    },
    close: async () => undefined,
  };
}

export async function atRedis(): Promise<StorePlace> {
  const server = await RedisServer.start();
  return {
    name: `a ${REDIS} of this machine, in real time`,
    clock: systemClock,
    open: () => openRedisStore(atServer(server.port), (text) => console.error(text)),
    pass: (ms) => pass(systemClock, ms),
    clear: async () => void (await server.tell("FLUSHALL")),
    hints: null,
    cut: null,
    close: endRedis,
  };
}
