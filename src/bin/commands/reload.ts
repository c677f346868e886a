/** `harmony-balancer reload`: has the balancer that runs here read its configuration again. */

import { ask } from "../../admin/client.ts";
import type { ShownSteps } from "../../admin/routes.ts";
import { apiOptions, apiSockets, fileText, printSteps } from "../api-sockets.ts";
import { command } from "../command.ts";

export const reload = command({
  name: "reload",
  usage: "[options]",
  summary:
    "Has the balancer that runs on this machine read its file again, and go over to what that says. Nothing that stays as it was is touched.",
  operands: [],
  table: apiOptions,
  footer: [
    "\nIt prints what has been done, a line each. Where anything is wrong with the file, or a port cannot be had, everything stays as it was.",
    "\nFlags and environment count as they were when the balancer was started.",
    "\nExit codes: 0 it is done, 1 no balancer was found, 2 the configuration is not taken, or the options are wrong.\n",
  ].join("\n"),
  async run(values) {
    const done = (await ask(apiSockets(values), { method: "POST", path: "/v1/reload" })) as ShownSteps;
    printSteps(done, `nothing has changed: ${fileText(done)}`);
    return 0;
  },
});
