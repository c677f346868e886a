/** The balancers that are one service with this one. */
import * as z from "zod/mini";
import { count, ms, said, time } from "./common.ts";

/** A balancer of the group, as the one that is asked knows it. */
export const member = z.strictObject({
  id: said("Drawn at each start.", z.string()),
  name: said("What its host is called, and the port of its reporters.", z.string()),
  version: z.string(),
  isSelf: said("It is the one that answers.", z.boolean()),
  state: said(
    "`gone`: nothing has been heard of it for long, and what it vouched for runs out.",
    z.enum(["present", "gone"]),
  ),
  heardMs: said("Since it was heard last.", ms()),
  startedAt: time(),
  targets: said("That it vouches for: their reporters are connected to it.", count()),
  reporters: count(),
  active: said("Clients that hold a permit, in all of its pools.", count()),
  waiting: said("Clients in its queues.", count()),
});
export type Member = z.infer<typeof member>;

const whole = {
  name: z.string(),
  place: said("Where its balancers meet, without a password.", z.string()),
  state: said(
    "`lost`: what was known stays in force, and nothing new is learnt.",
    z.enum(["connecting", "connected", "lost"]),
  ),
  since: said("When it came into this state.", time()),
  reason: said("Why it is lost; null: it is not.", z.nullable(z.string())),
  sharedTargets: said("Targets that this balancer knows from others alone.", count()),
};

export const group = z.strictObject({
  ...whole,
  members: said("The one that answers first, the others by their names.", z.array(member)),
});
export type Group = z.infer<typeof group>;

/** What the status says of it. */
export const groupInShort = z.strictObject({
  ...whole,
  members: said("Its balancers, the one that answers among them.", z.strictObject({ present: count(), gone: count() })),
});
export type GroupInShort = z.infer<typeof groupInShort>;
