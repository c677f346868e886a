/** `harmony-balancer reload`: has the balancer that runs read its configuration again. */
import type { Steps } from "../../admin/api/schemas/acts.ts";
import { apiClient, apiOptions } from "../api-options.ts";
import { command, print } from "../command.ts";
import { exitCodes } from "../exit-codes.ts";
import { json } from "../shown.ts";
import { fileText, printSteps } from "../steps.ts";

export const reload = command({
  name: "reload",
  usage: "[options]",
  summary:
    "Has the balancer that runs read its file again, and go over to what that says. Nothing that stays as it was is touched.",
  operands: [],
  table: { json, ...apiOptions },
  footer: [
    "\nIt prints what has been done, a line each. Where anything is wrong with the file, or a port cannot be had, everything stays as it was.",
    "\nFlags and environment count as they were when the balancer was started.",
    exitCodes({ 2: "the configuration is not taken, or the options are wrong" }),
  ].join("\n"),
  async run(values) {
    const done = await apiClient(values).ask<Steps>({ method: "POST", path: "/v1/reload" });
    if (values.json) print(JSON.stringify(done, null, 2));
    else printSteps(done, `nothing has changed: ${fileText(done)}`);
    return 0;
  },
});
