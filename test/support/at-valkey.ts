/** To be imported before all else: the tests that follow start Valkey where they would start Redis (redis.ts). */
process.env.REDIS_SERVER = "valkey-server";
