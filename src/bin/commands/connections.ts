/** `harmony-balancer connections`: who is connected now. */
import type { Page } from "../../admin/api/schemas/common.ts";
import { CONNECTION_SORTS, type Connection, connection } from "../../admin/api/schemas/connections.ts";
import { choice, duration, integer, onOff, text } from "../../config/kinds.ts";
import { option, optional } from "../../config/option.ts";
import { apiClient, apiOptions } from "../api-options.ts";
import { command } from "../command.ts";
import { exitCodes } from "../exit-codes.ts";
import { upTo } from "../pages.ts";
import { poolOption } from "../pool-option.ts";
import { show, showOptions } from "../shown.ts";
import { oneTargetCalled } from "../target-names.ts";
import { connectionLines } from "../views/connections.ts";

const FLAG = ["flag"] as const;
const MOST = 1_000_000;

export const connections = command({
  name: "connections",
  usage: "[options]",
  summary:
    "Lists the connections that are open now: client, target, phase, age, how long they are idle, and bytes each way.",
  operands: [],
  table: {
    pool: poolOption,
    target: optional({ kind: text("TARGET", "a target"), doc: "Of this target alone.", places: FLAG }),
    client: optional({
      kind: text("ADDRESS", "an address, or a range of them such as 10.0.0.0/8"),
      doc: "Of clients with this address, or in this range: 10.0.0.0/8.",
      places: FLAG,
    }),
    phase: optional({
      kind: choice(connection.def.shape.phase.options),
      doc: "In this phase alone: in the queue, being connected to a target, relayed, or getting the unavailable text.",
      places: FLAG,
    }),
    serverName: optional({
      kind: text("NAME", "a server name"),
      doc: "Of clients that ask for this server name in their TLS hello, or whose proxy says so.",
      places: FLAG,
    }),
    minAge: optional({ kind: duration(0), doc: "Open for so long at least.", places: FLAG }),
    minIdle: optional({ kind: duration(0), doc: "Without a byte for so long at least.", places: FLAG }),
    sort: option({
      kind: choice(CONNECTION_SORTS),
      default: "age",
      doc: "What comes first: the oldest, the largest.",
      places: FLAG,
    }),
    reverse: option({ kind: onOff, default: false, doc: "The other way round.", short: "r", places: FLAG }),
    limit: option({ kind: integer(1, MOST), default: 100, doc: "Show so many at most.", short: "n", places: FLAG }),
    all: option({ kind: onOff, default: false, doc: "Show all, however many there are.", places: FLAG }),
    ...showOptions,
    ...apiOptions,
  },
  footer: exitCodes({ 0: "they are listed, though there be none", 3: "there is no such target or pool" }),
  async run(values, _words) {
    const client = apiClient(values);
    const target = values.target === null ? null : (await oneTargetCalled(client, values.target)).id;
    const { pool, client: from, phase, serverName, minAge, minIdle, sort, reverse, limit, all } = values;
    const order = reverse ? "asc" : "desc";
    const query = { pool, target, client: from, phase, serverName, minAge, minIdle, sort, order };
    const look = async () => {
      const pageAt = (span: object) => client.get<Page<Connection>>("/v1/connections", { ...query, ...span });
      const page = await upTo(all ? Number.POSITIVE_INFINITY : limit, pageAt);
      // A pool that was removed has its connections until they end; of one that is not there at all the answer is an error.
      if (page.total === 0 && pool !== null) await client.get(`/v1/pools/${encodeURIComponent(pool)}`);
      return page;
    };
    return show(values, look, ({ items, total }, paper) => connectionLines(items, total, paper));
  },
});
