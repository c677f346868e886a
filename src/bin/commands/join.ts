/** `harmony-reporter join HOST CODE`: makes this host's own key, and enters it at the balancer that has invited it. */
import { join as joinBalancer } from "../../app/join.ts";
import { remoteHosts } from "../../config/address-kinds.ts";
import { onlyFromPrograms, tlsSettings, wayOptions } from "../../config/join-options.ts";
import { looksLikeInvitation } from "../../control/keys/invitation-code.ts";
import { hostEnvironment } from "../../control/keys/key-places.ts";
import { fingerprintOf, isSameKey } from "../../control/keys/public-key.ts";
import { identityPlace } from "../../control/keys/trust-files.ts";
import { formatAddress } from "../../util/address.ts";
import { HarmonyError } from "../../util/errors.ts";
import { command, note, print } from "../command.ts";

/** Bytes of standard input that are looked at: many times an invitation. */
const MOST_INPUT = 4_096;

export const join = command({
  name: "join",
  usage: "HOST[:PORT] CODE|- [options]",
  summary:
    "Joins a balancer by its invitation: makes this host's own key, which never leaves it, and learns the balancer's. With - the code " +
    "is read from standard input, so that nobody sees it in the list of processes.",
  operands: [
    { name: "HOST[:PORT]", help: "the balancer, and its admin port if that is another than --admin-port says" },
    { name: "CODE", help: "what harmony-balancer invite has printed, or - to have it read from standard input" },
  ],
  table: { ...wayOptions, adminPort: onlyFromPrograms.adminPort },
  footer: [
    "\nAfterwards harmony-reporter --host HOST needs no key. The same invitation may be used again by the same host.",
    "\nExit codes: 0 it has joined, 1 the balancer was not reached or has refused, 2 the options, the code or the files are wrong.\n",
  ].join("\n"),
  async run(values, [host = "", given = ""]) {
    const to = remoteHosts.parse(host)?.value;
    if (looksLikeInvitation(host)) {
      throw new HarmonyError("BAD_HOST", "the balancer's host comes first, and then the invitation", {
        fault: "config",
      });
    }
    if (to?.length !== 1) {
      throw new HarmonyError("BAD_HOST", `${JSON.stringify(host)}: give one balancer as ${remoteHosts.allowed}`, {
        fault: "config",
      });
    }
    const balancer = { host: to[0]!.host, port: to[0]!.port ?? values.adminPort };
    const identity = identityPlace(values.identity, hostEnvironment());
    const code = given === "-" ? await standardInput() : given;
    const { name, publicKey, before } = await joinBalancer(balancer, code, identity, { tls: tlsSettings(values) });
    print(`joined ${formatAddress(balancer)} as ${name}`);
    if (before !== null && isSameKey(before.publicKey, publicKey))
      note(
        "It had joined before. What it may do stands in the balancer's reporters file: an entry there stays as it is.",
      );
    for (const variable of ["HARMONY_KEY", "HARMONY_KEY_FILE"]) {
      if (process.env[variable])
        note(`${variable} is set here: a reporter that has it, too, uses that key and not its own.`);
    }
    note(`Its fingerprint is ${fingerprintOf(publicKey)}; this host's key and the balancer's are in ${identity}`);
    return 0;
  },
});

/** Up to the end of the first line that says something. */
async function standardInput(): Promise<string> {
  let text = "";
  for await (const chunk of process.stdin) {
    text = (text + String(chunk)).trimStart();
    if (text.includes("\n") || text.length > MOST_INPUT) break;
  }
  const line = text.split("\n")[0]!;
  if (line === "") throw new HarmonyError("BAD_INVITATION", "nothing came on standard input", { fault: "config" });
  return line;
}
