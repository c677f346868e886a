/** `harmony-balancer key new|list|revoke`: the keys of reporters and the tokens of the API, with or without a balancer that runs. */
import { limitOptions } from "../../config/invite-options.ts";
import { choice, onOff } from "../../config/kinds.ts";
import { option, optional } from "../../config/option.ts";
import { trustOptions } from "../../config/trust-options.ts";
import { RIGHTS } from "../../control/keys/token.ts";
import { HarmonyError } from "../../util/errors.ts";
import { command } from "../command.ts";
import { type KeyValues, listKeys, newKey, revokeKey } from "../key-acts.ts";

const FLAG = ["flag"] as const;

const ACTS: Readonly<Record<string, (values: KeyValues, name: string) => Promise<number>>> = {
  new: newKey,
  list: listKeys,
  revoke: revokeKey,
};

/** What holds for a key without the word, where that is not anything. */
const WITHOUT: Readonly<Record<string, string>> = {
  advertise: "none",
  listen: "none",
  options: "none",
  targets: "half of --max-targets",
  sessions: "twice as many as targets",
  "new-targets": "as many as targets",
};

export const key = command({
  name: "key",
  usage: "new|list|revoke [NAME] [options]",
  summary:
    "Makes, lists and revokes the keys with which reporters register, and the tokens of the API. A balancer that runs knows it within a second.",
  operands: [
    { name: "ACTION", help: "new, list or revoke", choices: Object.keys(ACTS) },
    { name: "NAME", help: "of the key or the token: 1 to 64 letters, digits or . _ -", optional: true },
  ],
  table: {
    right: optional({
      kind: choice(RIGHTS),
      doc: "It is a token for the API: to read all, or to act as well. With --pool of that pool alone.",
      places: FLAG,
      shownDefault: "it is a key for reporters",
    }),
    json: option({ kind: onOff, default: false, doc: "With list: one JSON object, for programs.", places: FLAG }),
    ...limitOptions(WITHOUT),
    ...trustOptions,
  },
  footer: [
    "\nnew prints what its holder needs, and nothing else, on standard output: the line of a key file, or a token. It is not shown again.",
    "\nThe limits are written behind it in the key file, where they can be changed at any time. Of a token they hold for the targets that it puts.",
    "\nThe tokens read and act, which a balancer makes by itself, lie in files of their own beside the key: token-read and token-act. key revoke " +
      "act takes it away, key new act makes another.",
    "\nA key that is revoked takes its targets with it. It is refused from then on wherever it stands, at every balancer of the group, and for " +
      "good: a new key may have its name. One that is only taken out of a file is refused by the balancers of that file. Who has joined by invitation stands in the reporters file (harmony-balancer reporters).",
    "\nExit codes: 0 it is done, 1 the files cannot be written, 2 the options or the files are wrong, 3 there is no such key.\n",
  ].join("\n"),
  run(values, [action = "", name = ""]) {
    const act = Object.hasOwn(ACTS, action) ? ACTS[action] : undefined;
    if (act === undefined) throw wrong(`${JSON.stringify(action)} is none of ${Object.keys(ACTS).join(", ")}`);
    if (act === listKeys && name !== "") throw wrong("list takes no name");
    if (act !== listKeys && name === "") throw wrong(`NAME is missing: say which one to ${action}`);
    return act(values, name);
  },
});

function wrong(message: string): HarmonyError {
  return new HarmonyError("BAD_OPTIONS", message, { fault: "config" });
}
