/** `harmony-balancer kill`: ends connections now. */

import type { ApiClient } from "../../admin/client.ts";
import { text } from "../../config/kinds.ts";
import { optional } from "../../config/option.ts";
import { counted } from "../../util/counted.ts";
import { codeOf, HarmonyError } from "../../util/errors.ts";
import { apiClient, apiOptions } from "../api-options.ts";
import { command, note, print } from "../command.ts";
import { EXIT_NOTHING, exitCodes } from "../exit-codes.ts";
import { poolOption } from "../pool-option.ts";
import { targetsCalled } from "../target-names.ts";

const FLAG = ["flag"] as const;

export const kill = command({
  name: "kill",
  usage: "[CONNECTION…] [options]",
  summary:
    "Ends connections at once: both ends get a reset. Those that are named, or all that match all of --target, --client and --pool. " +
    "New ones still come: drain or maintain a target first.",
  operands: [
    {
      name: "CONNECTION",
      help: "the id of a connection, as harmony-balancer connections shows it",
      optional: true,
      several: true,
    },
  ],
  table: {
    target: optional({ kind: text("TARGET", "a target"), doc: "All of this target.", places: FLAG }),
    client: optional({
      kind: text("ADDRESS", "an address, or a range of them such as 10.0.0.0/8"),
      doc: "All of clients with this address, or in this range: 10.0.0.0/8.",
      places: FLAG,
    }),
    pool: { ...poolOption, doc: "All of this pool." },
    ...apiOptions,
  },
  footer: exitCodes({ 0: "they are ended", 3: "there is no such connection, target or pool" }),
  async run(values, ids) {
    const { target, client: from, pool } = values;
    const matching = [target, from, pool].some((given) => given !== null);
    if (ids.length > 0 === matching) throw unclear();
    const client = apiClient(values);
    const killed = ids.length > 0 ? await killEach(client, ids) : await killAll(client, { target, client: from, pool });
    print(`${counted(killed, "connection")} ended`);
    return killed > 0 && killed >= ids.length ? 0 : EXIT_NOTHING;
  },
});

async function killEach(client: ApiClient, ids: readonly string[]): Promise<number> {
  let killed = 0;
  for (const id of ids) {
    const gone = (error: unknown) => {
      if (codeOf(error) !== "NO_CONNECTION") throw error;
      note(`no connection ${id} is open`);
      return { killed: 0 };
    };
    const path = `/v1/connections/${encodeURIComponent(id)}`;
    killed += (await client.ask<{ killed: number }>({ method: "DELETE", path }).catch(gone)).killed;
  }
  return killed;
}

interface Filter {
  readonly target: string | null;
  readonly client: string | null;
  readonly pool: string | null;
}

/** A pattern may mean several targets. */
async function killAll(client: ApiClient, { target, client: from, pool }: Filter): Promise<number> {
  const others = { ...(from !== null && { client: from }), ...(pool !== null && { pool }) };
  const names = target === null ? [] : (await targetsCalled(client, [target])).map(({ id }) => ({ target: id }));
  let killed = 0;
  for (const name of target === null ? [{}] : names) {
    const body = { ...others, ...name };
    killed += (await client.ask<{ killed: number }>({ method: "POST", path: "/v1/connections/kill", body })).killed;
  }
  return killed;
}

function unclear(): HarmonyError {
  return new HarmonyError(
    "BAD_OPTIONS",
    "say which connections: by their ids, or with --target, --client or --pool, not both",
    {
      fault: "config",
    },
  );
}
