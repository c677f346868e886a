/** `harmony-balancer events`: what has happened, and what happens. */
import type { Event } from "../../admin/api/schemas/people.ts";
import type { Status } from "../../admin/api/schemas/status.ts";
import type { ApiClient } from "../../admin/client.ts";
import { choice, integer, onOff } from "../../config/kinds.ts";
import { option } from "../../config/option.ts";
import { messageOf } from "../../util/errors.ts";
import { apiClient, apiOptions } from "../api-options.ts";
import { command, note, print } from "../command.ts";
import { exitCodes } from "../exit-codes.ts";
import { poolOption } from "../pool-option.ts";
import { json, printLines } from "../shown.ts";
import { line, part } from "../terminal/line.ts";
import { LEVEL_MANNER } from "../views/states.ts";

const FLAG = ["flag"] as const;
/** As many as a balancer keeps. */
const KEPT = 1_000;
const LEVELS = ["info", "warning", "error"] as const;
/** ms between attempts to reach a balancer that has gone: a restart takes about as long. */
const AGAIN_MS = 1_000;

export const events = command({
  name: "events",
  usage: "[options]",
  summary:
    "Lists what has happened: targets that came, went or changed, reloads, orders, reporters, clients that got no target.",
  operands: [],
  table: {
    follow: option({
      kind: onOff,
      default: false,
      doc: "Go on with what happens, until you stop it. A balancer that is restarted is waited for.",
      short: "f",
      places: FLAG,
    }),
    limit: option({
      kind: integer(0, KEPT),
      default: 50,
      doc: `So many of the last ones at most. The balancer keeps ${KEPT}; 0 shows none of them.`,
      short: "n",
      places: FLAG,
    }),
    level: option({ kind: choice(LEVELS), default: "info", doc: "The least severe that are shown.", places: FLAG }),
    pool: poolOption,
    json: { ...json, doc: "JSON as the API has it, one event a line, for programs." },
    ...apiOptions,
  },
  footer: exitCodes({ 0: "they are listed" }),
  async run(values) {
    const client = apiClient(values);
    const { pool, level, limit } = values;
    const isShown = (event: Event) =>
      (pool === null || event.pool === pool) && LEVELS.indexOf(event.level) >= LEVELS.indexOf(level);
    const say = values.json ? (event: Event) => print(JSON.stringify(event)) : printEvent;
    const { startedAt } = await client.get<Status>("/v1/status");
    const { items } = await client.get<{ items: Event[] }>("/v1/events");
    for (const event of limit === 0 ? [] : items.filter(isShown).slice(-limit)) say(event);
    if (values.follow)
      await follow(client, { startedAt, last: items.at(-1)?.id ?? 0 }, (event) => isShown(event) && say(event));
    return 0;
  },
});

interface Place {
  /** Of the process whose events are counted. */
  startedAt: string;
  last: number;
}

/** For ever: it is ended by a signal, or by an answer that says no. */
async function follow(client: ApiClient, place: Place, onEvent: (event: Event) => void): Promise<never> {
  let isLost = false;
  for (;;) {
    try {
      const { startedAt } = await client.get<Status>("/v1/status");
      if (startedAt !== place.startedAt) Object.assign(place, { startedAt, last: 0 });
      if (isLost) note("the balancer is back");
      isLost = false;
      for await (const event of client.follow(place.last)) {
        if (event.id > place.last + 1) note(`${event.id - place.last - 1} events were missed`);
        place.last = event.id;
        onEvent(event);
      }
    } catch (error) {
      if (!(error as { retry?: boolean }).retry) throw error;
      if (!isLost) note(`${messageOf(error)}; waiting for it`);
      isLost = true;
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    }
  }
}

function printEvent({ at, level, text }: Event): void {
  printLines([line(part(localTime(at), "quiet"), "  ", part(level.padEnd(7), LEVEL_MANNER[level]), "  ", text)]);
}

/** In the time zone of who reads it: `2026-11-30 05:17:07`. */
function localTime(at: string): string {
  const time = new Date(at);
  const local = new Date(time.getTime() - time.getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 19).replace("T", " ");
}
