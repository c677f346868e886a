/** What balancers tell each other at once. A hint may get lost, or come twice: what it is about is read in the store. */
import * as z from "zod/mini";
import { whole } from "../control/protocol/schema.ts";
import { jsonOf } from "./word.ts";

/** Names in a hint: with more, everything is read. */
const MOST_NAMES = 100;
/** What balancers share beside targets: `t` of a hint. */
const PARTS = ["bindings", "orders", "permits", "revoked", "shares"] as const;
const by = z.string().check(z.maxLength(100));

const Hint = z.discriminatedUnion("t", [
  /** Its targets have changed, as writing `seq`: these, or (null) many. */
  z.object({
    t: z.literal("targets"),
    by,
    seq: whole(0, Number.MAX_SAFE_INTEGER),
    names: z.nullable(z.array(z.string().check(z.maxLength(700))).check(z.maxLength(MOST_NAMES))),
  }),
  /** That part of what they share has changed; `asks`: its balancer wants to know what the others have of it. */
  z.object({ t: z.enum(PARTS), by, asks: z.optional(z.boolean()) }),
  /** It stops. */
  z.object({ t: z.literal("goodbye"), by }),
]);

export type PartKind = (typeof PARTS)[number];
export type Hint = z.infer<typeof Hint>;

export function writeHint(hint: Hint): string {
  return JSON.stringify(hint);
}

export function namesForHint(names: readonly string[]): readonly string[] | null {
  return names.length <= MOST_NAMES ? names : null;
}

/** null: it is none, or one of a later version. */
export function readHint(given: string): Hint | null {
  return Hint.safeParse(jsonOf(given)).data ?? null;
}
