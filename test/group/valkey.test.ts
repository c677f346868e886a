/** What a group's store promises on Redis, it promises on Valkey. */
import "../support/at-valkey.ts";
import "./redis.test.ts";
import "./redis-many.test.ts";
