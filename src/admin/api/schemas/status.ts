/** The balancer as a whole. */
import * as z from "zod/mini";
import { bytes, count, ms, said, time } from "./common.ts";
import { groupInShort } from "./group.ts";

export const targetCounts = z.strictObject({
  up: count(),
  suspect: count(),
  draining: count(),
  down: count(),
});
export type TargetCounts = z.infer<typeof targetCounts>;

export const logLevel = z.strictObject({
  configured: said("As --log-level has it.", z.string()),
  ordered: said("What an operator has ordered in its place, or null.", z.nullable(z.string())),
});

export const status = z.strictObject({
  name: z.string(),
  version: z.string(),
  runtime: z.strictObject({ name: z.string(), version: z.string() }),
  engine: z.strictObject({
    name: z.string(),
    passedOver: z.array(z.strictObject({ name: z.string(), reason: z.string() })),
  }),
  pid: count(),
  host: said("The machine's name.", z.string()),
  startedAt: time(),
  uptimeMs: ms(),
  state: z.enum(["starting", "serving", "stopping"]),
  document: z.strictObject({
    file: z.nullable(z.string()),
    lastReload: z.nullable(z.strictObject({ at: time(), ok: z.boolean(), text: z.string() })),
  }),
  stateFile: said("Where orders are kept; null: nowhere, they end with the process.", z.nullable(z.string())),
  logLevel,
  group: said("null: it is in none.", z.nullable(groupInShort)),
  pools: count(),
  listeners: count(),
  reporters: count(),
  silentReporters: said("Of those, whose connections are there, and of whom nothing is heard.", count()),
  targets: targetCounts,
  asleep: said("Targets that start when somebody waits: they are down, or drain.", count()),
  orders: said("Targets of which an operator has ordered something.", count()),
  panic: said("Pools whose reporters have all fallen silent.", z.array(z.string())),
  connections: z.strictObject({ active: count(), waiting: count(), total: count() }),
  descriptors: z.strictObject({ open: z.nullable(count()), limit: z.nullable(count()) }),
  memoryBytes: bytes(),
  eventLoop: said(
    "By how much timers of the main thread came late, over the last minute.",
    z.strictObject({ p50: ms(), p99: ms(), max: ms() }),
  ),
  threads: said(
    "Of the engine: the part of the last ten seconds that each was at work, 0 to 1; null where that is not known.",
    z.array(z.strictObject({ name: z.string(), busy: z.nullable(z.number()) })),
  ),
});
export type Status = z.infer<typeof status>;

/** Who asks, and what he may do. */
export const me = z.strictObject({
  name: said("Of the token; `socket`: whoever may open the balancer's socket.", z.string()),
  right: z.enum(["read", "act"]),
  pool: said("All that the token sees; null: all pools.", z.nullable(z.string())),
});
export type Me = z.infer<typeof me>;
