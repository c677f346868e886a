/** What a server of Redis refuses, and what is made of it: whose fault it is, and what to do. */
import { type Fault, HarmonyError } from "../../util/errors.ts";

/** The server has answered, with an error. */
export class ReplyError {
  /** The first word: `NOPERM`, `WRONGPASS` … */
  readonly code: string;
  readonly text: string;

  constructor(text: string) {
    // It came over a network, and goes into logs.
    this.text = text.replace(/[\p{Cc}\p{Cf}]+/gu, " ").slice(0, MAX_TEXT);
    this.code = /^[A-Z]{2,32}(?= |$)/.exec(this.text)?.[0] ?? "ERR";
  }
}

const MAX_TEXT = 200;

interface Meaning {
  readonly code: "GROUP_LOST" | "GROUP_REFUSED";
  readonly fault: Fault;
  readonly text: string;
  /** Another connection may lead to a server that does what is asked. */
  readonly elsewhere?: true;
}

const lost = (text: string, elsewhere?: true): Meaning => ({
  code: "GROUP_LOST",
  fault: "balancer",
  text,
  ...(elsewhere && { elsewhere }),
});
const refused = (text: string): Meaning => ({ code: "GROUP_REFUSED", fault: "config", text });

const GIVE_PASSWORD = "give it with group-password-file, HARMONY_GROUP_PASSWORD or in the address of group";

const MEANINGS: Readonly<Record<string, Meaning>> = {
  NOAUTH: refused(`asks for a password: ${GIVE_PASSWORD}`),
  WRONGPASS: refused(
    "does not take this user and password: compare what is in group-password-file, HARMONY_GROUP_PASSWORD or the address of group with its requirepass or ACL",
  ),
  NOPERM: refused(
    "does not let this user do what a group needs: on the server, give it the keys ~harmony:*, the channels &harmony:* and " +
      "the commands +@all -@admin -@dangerous +role +info",
  ),
  READONLY: {
    ...refused(
      "is a replica, which nobody can write to: name its primary in group, or the sentinels or the cluster that know it",
    ),
    elsewhere: true,
  },
  OOM: refused(
    "is full: raise its maxmemory, or remove what else is kept there (a group needs about 1 kB for each target)",
  ),
  MISCONF: refused("takes nothing, as it cannot write to its disk: see to its disk, or its log"),
  NOREPLICAS: refused("takes nothing while it has too few replicas (min-replicas-to-write): see to them"),
  WRONGTYPE: refused(
    "keeps something else under a key of this group: another program uses it; give another group-name, or remove the key",
  ),
  DENIED: refused("is in protected mode, and speaks to its own machine alone: give it a password, or a bind address"),
  LOADING: lost("is still reading what it had kept: wait until it has", true),
  MASTERDOWN: lost("has lost its primary: see to that one, or wait for the failover", true),
  CLUSTERDOWN: lost("says that its cluster is down: see to the nodes that are, or wait for the failover", true),
  MOVED: lost("says that another node of its cluster has the group's keys", true),
  ASK: lost("is moving the group's keys to another node", true),
  TRYAGAIN: lost("is moving the group's keys to another node"),
  BUSY: lost("is busy with a script of somebody's: wait, or end it with SCRIPT KILL"),
};

const TOO_MANY = /max number of clients/i;

/** `secret`: the text of the answer is not to be shown, since what was asked held a password. */
export function refusalOf(
  reply: ReplyError,
  where: string,
  secret = false,
): { readonly error: HarmonyError; readonly elsewhere: boolean } {
  const { code, fault, text, elsewhere } = meaningOf(reply, secret);
  const error = new HarmonyError(code, `Redis at ${where} ${text} (${reply.code})`, { fault, retry: true });
  return { error, elsewhere: elsewhere === true };
}

function meaningOf(reply: ReplyError, secret: boolean): Meaning {
  if (TOO_MANY.test(reply.text)) return lost("has as many clients as it takes: raise its maxclients");
  const known = Object.hasOwn(MEANINGS, reply.code) ? MEANINGS[reply.code]! : null;
  if (known !== null) return known;
  if (secret) return refused("does not take the password");
  return refused(`refuses what a group needs, Redis 7 or Valkey: ${JSON.stringify(reply.text)}`);
}

/** What has nothing to do with what was asked: there is no answer. */
export function lostError(where: string, why: string): HarmonyError {
  return new HarmonyError("GROUP_LOST", `Redis at ${where} ${why}`, { fault: "balancer", retry: true });
}

/** What is ended before there is an answer, as nobody wants it any more. */
export function unneededError(where: string): HarmonyError {
  return lostError(where, "is not needed any more");
}

/** What came is no answer, or none that a group takes. */
export function badAnswer(where: string, why: string): HarmonyError {
  const text = `what answers at ${where} is no Redis that a group can use, as ${why}: see what is there, and to the address of group`;
  return new HarmonyError("GROUP_REFUSED", text, { fault: "config", retry: true });
}
