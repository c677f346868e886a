/** `harmony-balancer dashboard`: prints a link that opens the dashboard, signed in. */
import type { Link } from "../../admin/api/schemas/session.ts";
import { onOff } from "../../config/kinds.ts";
import { option } from "../../config/option.ts";
import { apiClient, apiOptions } from "../api-options.ts";
import { command, note, print } from "../command.ts";
import { exitCodes } from "../exit-codes.ts";

export const dashboard = command({
  name: "dashboard",
  usage: "[options]",
  summary: "Prints a link that opens the dashboard in a browser, signed in. It is good once, within two minutes.",
  operands: [],
  table: {
    readOnly: option({
      kind: onOff,
      default: false,
      doc: "The page may show all, and change nothing.",
      places: ["flag"],
    }),
    ...apiOptions,
  },
  footer: [
    "\nThe page is signed in for as long as its tab is open, and thirty days at most; no longer than the token counts that it stands for, " +
      "token-act or token-read beside the key.",
    "\nFrom another machine: ssh -L 1667:127.0.0.1:1667 HOST, and open the link that the command prints on HOST.",
    exitCodes({ 0: "the link is printed" }),
  ].join("\n"),
  async run(values) {
    const body = values.readOnly ? { right: "read" } : {};
    const client = apiClient(values);
    const { url } = await client.ask<Link>({ method: "POST", path: "/v1/links", body });
    print(linkFrom(client.at, url));
    note("It is good once, within two minutes.");
    return 0;
  },
});

/** Whoever has reached the balancer at an address reaches its page there, and under the name that its certificate has. */
export function linkFrom(at: string, url: string): string {
  return /^https?:/.test(at) ? `${at.replace(/\/$/, "")}/${new URL(url).hash}` : url;
}
