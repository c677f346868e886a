/** `harmony-balancer invite NAME`: makes an invitation, with or without a balancer that runs. */
import { existsSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { type InviteValues, inviteOptions, limitWords } from "../../config/invite-options.ts";
import { balancerFiles } from "../../control/keys/find-keys.ts";
import { BALANCER_REMARK, createIdentity } from "../../control/keys/identity.ts";
import { hostEnvironment } from "../../control/keys/key-places.ts";
import { parseLimits } from "../../control/keys/limits.ts";
import { fingerprintOf } from "../../control/keys/public-key.ts";
import type { TrustFiles } from "../../control/keys/trust-files.ts";
import { NAME } from "../../control/protocol/schema.ts";
import { formatDuration } from "../../util/durations.ts";
import { HarmonyError } from "../../util/errors.ts";
import { command, note, print } from "../command.ts";
import { checkUser } from "../trust-folder.ts";

export const invite = command({
  name: "invite",
  usage: "NAME [options]",
  summary:
    "Makes an invitation, with which a reporter may join once and get a key of its own: harmony-reporter join HOST CODE.",
  operands: [{ name: "NAME", help: "what the reporter is to be called: 1 to 64 letters, digits or . _ -" }],
  table: inviteOptions,
  footer: [
    "\nThe code goes to standard output. Whoever has it may join until it is used up or its time is over; to withdraw it, take its " +
      "line out of the file of invitations. The balancer need not run; one that does knows the invitation at once.",
    "\nThe limits are written behind the reporter's name in the reporters file, where they can be changed at any time.",
    "\nExit codes: 0 it is made, 1 the files cannot be written, 2 the options or the files are wrong.\n",
  ].join("\n"),
  async run(values, [name = ""]) {
    if (!NAME.test(name)) throw badName(name);
    const { identity, invitations, files, keys, isNew } = await prepared(values);
    const { uses } = values;
    const until = Date.now() + values.for;
    const words = limitWords(values);
    const limits = parseLimits(words, "the limits");
    const { publicKey } = identity.keyPair!;
    const code = await invitations.create({ name, uses, until, limits, publicKey });
    print(code);
    const whom = uses === 1 ? `one reporter, ${name},` : `${uses} reporters, ${name}-HOST each,`;
    const may = words.length === 0 ? "register any target" : `register targets with ${words.join(" ")}`;
    note(
      `It lets ${whom} join within ${formatDuration(values.for)} and ${may}. On its host: harmony-reporter join BALANCER CODE`,
    );
    if (isNew) note(newIdentity(files, keys.loaded.reporters));
    note(`Written to ${files.invitations}; this balancer's fingerprint is ${fingerprintOf(publicKey)}`);
    return 0;
  },
});

/** The files are there, or can be made, as the balancer can use them. */
async function prepared(values: InviteValues) {
  const trust = balancerFiles({ keyFile: values.keyFile, reporters: values.reporters }, hostEnvironment());
  const { files } = trust;
  if (values.reporters === null) mkdirSync(dirname(files.identity), { recursive: true, mode: 0o700 });
  checkUser(files);
  const isNew = !existsSync(files.identity);
  await createIdentity(files.identity, BALANCER_REMARK, files);
  return { ...trust, isNew };
}

/** Whoever works as another user than the balancer, or has lost the file, notices it by this. */
function newIdentity({ identity, reporters }: TrustFiles, joined: number): string {
  if (joined > 0)
    return `${identity} is new: who stands in ${reporters} knows this balancer by another, and has to join again.`;
  return `${identity} is new. A balancer that runs as another user, or with another --key-file or --reporters, does not look there.`;
}

function badName(name: string): HarmonyError {
  return new HarmonyError("BAD_NAME", `${JSON.stringify(name)} is no name: give 1 to 64 letters, digits or . _ -`, {
    fault: "config",
  });
}
