import { after } from "node:test";
import { removeFolders } from "../support/folder.ts";
import { endRedis, noRedis, REDIS, RedisServer } from "../support/redis.ts";
import { atServer, closeStores, worldOn } from "./redis-world.ts";
import { storeSuite } from "./store-suite.ts";

after(async () => {
  await closeStores();
  await endRedis();
  removeFolders();
});

storeSuite(
  `on ${REDIS}`,
  async () => {
    const server = await RedisServer.start();
    return worldOn(() => atServer(server.port), server);
  },
  noRedis,
);
