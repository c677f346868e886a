/** `harmony-reporter rotate`: exchanges this host's own key at every balancer that it has joined. */
import { readIdentity } from "../../app/credentials.ts";
import { rotate as rotateKey } from "../../app/join.ts";
import { tlsSettings, wayOptions } from "../../config/join-options.ts";
import { hostEnvironment } from "../../control/keys/key-places.ts";
import { identityPlace } from "../../control/keys/trust-files.ts";
import { formatAddress } from "../../util/address.ts";
import { HarmonyError, messageOf } from "../../util/errors.ts";
import { command, note, print } from "../command.ts";
import { EXIT_FAILURE } from "../exit-codes.ts";

export const rotate = command({
  name: "rotate",
  usage: "[options]",
  summary:
    "Exchanges this host's own key for a new one, at every balancer that it has joined. A reporter that runs goes on without a gap.",
  operands: [],
  table: wayOptions,
  footer: [
    "\nThe former key stays in use until every balancer knows the new one. If one cannot be reached, run it again later; if that one is " +
      "gone for good, take its line out of the identity file first.",
    "\nExit codes: 0 it is exchanged, 1 a balancer was not reached or has refused, 2 the options or the files are wrong.\n",
  ].join("\n"),
  async run(values) {
    const identity = identityPlace(values.identity, hostEnvironment());
    if (!readIdentity(identity)?.balancers.length) {
      throw new HarmonyError("NOT_JOINED", `this host has joined no balancer: there is none in ${identity}`, {
        fault: "config",
      });
    }
    const all = await rotateKey(identity, { tls: tlsSettings(values) });
    for (const { balancer, knows, error } of all) {
      if (error === null) continue;
      const what = knows
        ? "takes the former key as well until a reporter of this host comes with the new one"
        : "does not know the new key";
      note(`${formatAddress(balancer)} ${what}: ${messageOf(error)}`);
    }
    if (!all.every(({ knows }) => knows)) {
      note("Both keys are valid where the new one is known: run it again, and it goes on from here.");
      return EXIT_FAILURE;
    }
    print(`exchanged the key at ${all.map(({ balancer }) => formatAddress(balancer)).join(", ")}`);
    return 0;
  },
});
