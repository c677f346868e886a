/** Who speaks to the balancer: reporters, keys, tokens; and what has happened. */
import * as z from "zod/mini";
import { address, count, said, time } from "./common.ts";

export const reporter = z.strictObject({
  key: z.string(),
  kind: z.enum(["shared", "invited", "insecure"]),
  address: address(),
  software: said("As it calls itself.", z.string()),
  connectedAt: time(),
  lastReport: z.nullable(time()),
  isSilent: said("Its connection is there, and nothing is heard of it, not even a sign of life.", z.boolean()),
  targets: z.array(z.string()),
});
export type Reporter = z.infer<typeof reporter>;

/** Never with a secret. */
export const key = z.strictObject({
  id: z.string(),
  kind: z.enum(["shared", "invited", "token"]),
  right: said("Of a token.", z.nullable(z.enum(["read", "act"]))),
  limits: said("As its line has them: `pool=web`.", z.array(z.string())),
  file: z.nullable(z.string()),
  revoked: said(
    "It stands in a file still and is refused: it was revoked, here or at another balancer of the group.",
    z.nullable(z.strictObject({ by: z.string(), at: time() })),
  ),
});
export type Key = z.infer<typeof key>;

export const event = z.strictObject({
  id: said("Counts up by one from the process's start: a gap tells what was missed.", count()),
  at: time(),
  kind: said("`targetUp`, `reloaded`, `ordered` …", z.string()),
  level: z.enum(["info", "warning", "error"]),
  text: z.string(),
  pool: z.nullable(z.string()),
  target: z.nullable(z.string()),
});
export type Event = z.infer<typeof event>;
