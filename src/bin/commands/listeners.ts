/** `harmony-balancer listeners`: where clients come, and how many were turned away there. */
import type { Listener } from "../../admin/api/schemas/pools.ts";
import { apiClient, apiOptions } from "../api-options.ts";
import { command } from "../command.ts";
import { exitCodes } from "../exit-codes.ts";
import { show, showOptions } from "../shown.ts";
import { listenerLines } from "../views/listeners.ts";

export const listeners = command({
  name: "listeners",
  usage: "[options]",
  summary:
    "Lists where clients come: addresses, the pools that they are led to, and how many were turned away before they were served, and why.",
  operands: [],
  table: { ...showOptions, ...apiOptions },
  footer: exitCodes({ 0: "they are listed, though there be none" }),
  run(values) {
    const client = apiClient(values);
    const look = async () => (await client.get<{ items: Listener[] }>("/v1/listeners")).items;
    return show(values, look, listenerLines);
  },
});
