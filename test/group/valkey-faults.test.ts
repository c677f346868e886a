/** What becomes of a group's store when its Redis fails, becomes of it when its Valkey does. */
import "../support/at-valkey.ts";
import "./redis-faults.test.ts";
