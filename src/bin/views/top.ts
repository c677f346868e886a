/** What `top` shows: the balancer in three lines, and a sorted list that fills the rest of the screen. */
import type { Page } from "../../admin/api/schemas/common.ts";
import type { Connection } from "../../admin/api/schemas/connections.ts";
import type { Status } from "../../admin/api/schemas/status.ts";
import type { Target } from "../../admin/api/schemas/targets.ts";
import type { ApiClient } from "../../admin/client.ts";
import type { Key } from "../terminal/keyboard.ts";
import { type Line, line, part } from "../terminal/line.ts";
import type { View } from "../terminal/live.ts";
import { type Paper, paper } from "../terminal/paper.ts";
import { table } from "../terminal/table.ts";
import { amountText, bytesText, spanText } from "../terminal/units.ts";
import { CONNECTION_COLUMNS } from "./connections.ts";
import { groupText } from "./group.ts";
import { countsText, warnings } from "./status.ts";
import { targetColumns } from "./targets.ts";

/** Lines above the list: three of the balancer, an empty one, the head. One that is in a group has one more. */
const ABOVE = 5;

interface List {
  /** Index of the column that it is sorted by. */
  sort: number;
  ascending: boolean;
  offset: number;
}

const SORTABLE = CONNECTION_COLUMNS.filter(({ sort }) => sort !== undefined);

export class TopView implements View {
  readonly #client: ApiClient;
  readonly #pool: string | null;
  /** Busy ones first; and the oldest. */
  readonly #targets: List = { sort: indexOf(targetColumns(0), "ACTIVE"), ascending: false, offset: 0 };
  readonly #connections: List = { sort: indexOf(SORTABLE, "AGE"), ascending: false, offset: 0 };
  #isTargets = true;
  #status: Status | null = null;
  #seen: readonly Target[] = [];
  #page: Page<Connection> = { items: [], total: 0, next: null };

  constructor(client: ApiClient, pool: string | null) {
    this.#client = client;
    this.#pool = pool;
  }

  get help(): string {
    const { sort } = this.#list;
    const title = this.#isTargets ? targetColumns(0)[sort]!.title : SORTABLE[sort]!.title;
    return `tab ${this.#isTargets ? "connections" : "targets"}  left/right sort (${title})  r reverse  up/down move`;
  }

  async refresh(): Promise<void> {
    const status = this.#client.get<Status>("/v1/status");
    const list = this.#isTargets ? this.#targetList() : this.#connectionPage();
    [this.#status] = await Promise.all([status, list]);
  }

  lines(on: Paper): Line[] {
    const now = Date.now();
    return [...this.#head(now), [], ...(this.#isTargets ? this.#targetTable(on, now) : this.#connectionTable(on))];
  }

  pressed(key: Key): "refresh" | "redraw" | "nothing" {
    const list = this.#list;
    const page = Math.max(1, paper().rows - this.#above - 2);
    const move = {
      up: -1,
      down: 1,
      "page up": -page,
      "page down": page,
      home: -Number.MAX_SAFE_INTEGER,
      end: Number.MAX_SAFE_INTEGER,
    }[key];
    const turn = { left: -1, "<": -1, right: 1, ">": 1 }[key];
    if (key === "tab" || key === "back tab") this.#isTargets = !this.#isTargets;
    else if (key === "r") list.ascending = !list.ascending;
    else if (turn !== undefined) {
      const count = this.#isTargets ? targetColumns(0).length : SORTABLE.length;
      list.sort = (list.sort + turn + count) % count;
    } else if (move !== undefined) {
      const count = this.#isTargets ? this.#seen.length : this.#page.total;
      list.offset = Math.max(0, Math.min(list.offset + move, count - 1));
    } else return "nothing";
    const isHere = this.#isTargets && key !== "tab" && key !== "back tab";
    return isHere ? "redraw" : "refresh";
  }

  get #above(): number {
    return (this.#status?.group ?? null) === null ? ABOVE : ABOVE + 1;
  }

  get #list(): List {
    return this.#isTargets ? this.#targets : this.#connections;
  }

  async #targetList(): Promise<void> {
    this.#seen = (await this.#client.get<{ items: Target[] }>("/v1/targets", { pool: this.#pool })).items;
  }

  async #connectionPage(): Promise<void> {
    const { sort, ascending, offset } = this.#connections;
    const limit = Math.max(1, Math.min(1000, paper().rows - this.#above - 1));
    const query = { pool: this.#pool, sort: SORTABLE[sort]!.sort!, order: ascending ? "asc" : "desc", offset, limit };
    this.#page = await this.#client.get<Page<Connection>>("/v1/connections", query);
  }

  #head(now: number): Line[] {
    const { name, host, state, uptimeMs, targets, connections, threads, group = null } = this.#status!;
    const busy = threads.map((thread) => Math.round((thread.busy ?? 0) * 100));
    const load = busy.length === 0 ? "" : `, threads ${busy.map((each) => `${each}%`).join(" ")}`;
    const rates = this.#isTargets ? ratesText(this.#seen) : "";
    const [warning] = warnings(this.#status!, now);
    return [
      line(part(`${name} on ${host}`, "strong"), `, ${state} for ${spanText(uptimeMs)}${load}`),
      line(`targets: ${countsText(targets)}`, ...(warning === undefined ? [] : [part(`  ! ${warning}`, "bad")])),
      line(`connections: ${connections.active} active, ${connections.waiting} in the queue${rates}`),
      ...(group === null ? [] : [line(`group: ${groupText(group)}`)]),
    ];
  }

  #targetTable(on: Paper, now: number): Line[] {
    const columns = targetColumns(now);
    const { sort, ascending, offset } = this.#targets;
    const { order, title } = columns[sort]!;
    const sign = ascending ? 1 : -1;
    const sorted = this.#seen.toSorted((a, b) => sign * compared(order(a), order(b)) || compared(a.id, b.id));
    const shown = sorted.slice(offset, offset + on.rows - this.#above);
    return shown.length === 0 ? [line("no targets")] : marked(table(columns, shown, on), title);
  }

  #connectionTable(on: Paper): Line[] {
    const { items } = this.#page;
    if (items.length === 0) return [line("no connections")];
    const lines = table(CONNECTION_COLUMNS, items.slice(0, on.rows - this.#above), on);
    return marked(lines, SORTABLE[this.#connections.sort]!.title);
  }
}

/** The head of the column that is sorted by stands out. */
function marked([head = [], ...rest]: Line[], title: string): Line[] {
  return [head.map((each) => (each.text.trim() === title ? { ...each, manner: "chosen" as const } : each)), ...rest];
}

function indexOf(columns: readonly { readonly title: string }[], title: string): number {
  return columns.findIndex((column) => column.title === title);
}

function compared(a: number | string, b: number | string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function ratesText(targets: readonly Target[]): string {
  const sum = (of: (target: Target) => number) => targets.reduce((total, target) => total + of(target), 0);
  const [come, bytesIn, bytesOut] = [
    sum(({ rates }) => rates.connections),
    sum(({ rates }) => rates.bytesIn),
    sum(({ rates }) => rates.bytesOut),
  ];
  return `, ${amountText(come)}/s; in ${bytesText(bytesIn)}/s, out ${bytesText(bytesOut)}/s`;
}
