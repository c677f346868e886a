/** The balancers that are one service with this one. */
import * as z from "zod/mini";
import { count, ms, pageOf, said, time } from "./common.ts";
import { target } from "./targets.ts";

/** A balancer of the group, as the one that is asked knows it. */
export const member = z.strictObject({
  id: said("Drawn at each start.", z.string()),
  name: said("What its host is called, and the port of its reporters.", z.string()),
  version: z.string(),
  isSelf: said("It is the one that answers.", z.boolean()),
  state: said(
    "`left`: it has said goodbye. `gone`: nothing has been heard of it for long. What such a one vouched for runs out.",
    z.enum(["present", "left", "gone"]),
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
    "`connecting`: it has not been reached yet. `lost`: what was known stays in force, and nothing new is learnt, unless it can be read.",
    z.enum(["connecting", "connected", "lost"]),
  ),
  since: said("When it came into this state.", time()),
  reason: said(
    "Why it is lost, or what is in the way of reaching it; null: it is not, or nothing is known to be.",
    z.nullable(z.string()),
  ),
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
  members: said(
    "Its balancers, the one that answers among them; without those that have left.",
    z.strictObject({ present: count(), gone: count() }),
  ),
});
export type GroupInShort = z.infer<typeof groupInShort>;

const reached = { state: whole.state, reason: whole.reason };
const NOT_TOLD = "null: it has not answered, or does not tell of this target, which has few there.";

/** A balancer of the group, and what it has of the targets. */
export const answering = z.strictObject({
  id: z.string(),
  name: z.string(),
  isSelf: said("It is the one that answers.", z.boolean()),
  state: said("`silent`: it has not answered, and what it has is not known.", z.enum(["answered", "silent"])),
  ageMs: said("Since it has said so; null: it has not.", z.nullable(ms())),
  active: said("Connections that it has to targets, in all; null: not known.", z.nullable(count())),
  notTold: said("Targets of which it does not tell one by one, those with the fewest connections.", count()),
});
export type Answering = z.infer<typeof answering>;

const groupTarget = z.strictObject({
  id: target.def.shape.id,
  pool: z.string(),
  state: said("As this balancer has it; null: it does not know it.", z.nullable(target.def.shape.state)),
  active: said("The sum of what is known.", count()),
  perSecond: said("New connections a second, averaged over the last ten: the sum of what is known.", z.number()),
  isWhole: said("Every balancer is in these sums.", z.boolean()),
  shares: said(
    "One for each of `balancers`, in their order.",
    z.array(
      z.strictObject({
        balancer: said("Its id.", z.string()),
        active: said(NOT_TOLD, z.nullable(count())),
        perSecond: said(NOT_TOLD, z.nullable(z.number())),
      }),
    ),
  ),
});
export type GroupTarget = z.infer<typeof groupTarget>;

/** Targets once, with what each balancer has of them. */
export const groupTargets = z.strictObject({
  ...reached,
  balancers: said("The one that answers first, the others by their names.", z.array(answering)),
  ...pageOf(groupTarget).def.shape,
});
export type GroupTargets = z.infer<typeof groupTargets>;
