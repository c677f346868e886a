/** What is told of the group that the balancer is in. */
import type { MemberView } from "../../group/view.ts";
import { info, type Words, warning } from "../../telemetry/line.ts";
import { counted, firstOf } from "../../util/counted.ts";
import { inSeconds } from "../../util/durations.ts";
import type { BalancerEvents } from "../events.ts";

type OfGroup = "groupConnected" | "groupUnreached" | "groupLost" | "membersFound" | "memberJoined" | "memberLeft";

export const groupWords: Words<Pick<BalancerEvents, OfGroup>> = {
  groupConnected: (place) =>
    info(`the group at ${place} is reached: what its balancers know is shared from now on`, { place }),
  groupUnreached: (place, reason) =>
    warning(
      `the group at ${place} has not been reached yet: ${reason}. This balancer serves by itself until it is: it knows no other, and no other knows it`,
      { place, reason },
    ),
  groupLost: (place, reason, isHeard) => {
    if (isHeard) {
      return warning(
        `the group at ${place} does not take what this balancer writes: ${reason}. What others have written is read and in force; they learn nothing of this one, and forget after a lease what it alone vouches for`,
        { place, reason },
      );
    }
    return warning(
      `the group at ${place} is lost: ${reason}. What was known of other balancers stays in force, and this one serves on; nothing new is learnt of them, nor they of it, until the group is reached again`,
      { place, reason },
    );
  },
  membersFound: (members) => {
    const names = members.map(({ name, version }) => `${name} (${version})`);
    const text = `found ${counted(members.length, "other balancer")} in the group: ${firstOf(names)}`;
    return info(text, { balancers: members.map(factsOf) });
  },
  memberJoined: (member) =>
    info(`balancer ${member.name} (${member.version}) has joined the group`, {
      ...factsOf(member),
      version: member.version,
    }),
  memberLeft: (member, why) => {
    const facts = { ...factsOf(member), why };
    if (why === "goodbye") return info(`balancer ${member.name} has left the group: it said goodbye`, facts);
    return warning(
      `balancer ${member.name} is gone from the group: nothing has been heard of it for ${inSeconds(member.heardMs)}; targets that it alone vouched for stay until their leases run out, unless their reporters come to another balancer`,
      { ...facts, heardMs: member.heardMs },
    );
  },
};

function factsOf({ id, name }: MemberView): { readonly balancer: string; readonly id: string } {
  return { balancer: name, id };
}
