/** A table that can be sorted, and whose rows are cards where the page is narrow: roles are said, since CSS takes them away. */
import type { App, Sort } from "../app.ts";
import { type Child, h, type View } from "../dom.ts";

export interface Column<T> {
  readonly name: string;
  readonly label: string;
  /** `num`: to the right, with figures of one width. `wide`, `main`, `acts` … as the style sheet has them. */
  readonly kind?: string;
  readonly show: (row: T) => Child;
  /** What it is sorted by, if it can be. */
  readonly by?: (row: T) => number | string;
}

export interface Table<T> {
  /** Its sorting is kept under that name. */
  readonly name: string;
  readonly caption: string;
  readonly columns: readonly Column<T>[];
  readonly rows: readonly T[];
  /** So many of them are drawn, once they are sorted. */
  readonly most?: number;
  readonly keyOf: (row: T) => string;
  readonly current?: (row: T) => boolean;
  /** What stands below a row that has been opened. */
  readonly below?: (row: T) => Child;
  /** Sorted by someone else. */
  readonly sorting?: { readonly sort: Sort; readonly set: (sort: Sort) => void };
}

export function table<T>(app: App, wanted: Table<T>): View {
  const { name, caption, columns, keyOf, below, most } = wanted;
  const sort = wanted.sorting?.sort ?? app.sorts.get(name) ?? null;
  const setSort =
    wanted.sorting?.set ??
    ((to: Sort) => {
      app.sorts.set(name, to);
      app.render();
    });
  const rows = wanted.sorting === undefined ? sorted(wanted.rows, columns, sort) : wanted.rows;
  return h(
    "table",
    { class: `table ${name}`, role: "table", key: `table-${name}` },
    h("caption", { class: "unseen" }, caption),
    h(
      "thead",
      { role: "rowgroup" },
      h("tr", { role: "row" }, ...columns.map((column) => heading(column, sort, setSort))),
    ),
    h(
      "tbody",
      { role: "rowgroup" },
      rows
        .slice(0, most)
        .flatMap((row) => [
          h(
            "tr",
            { role: "row", key: keyOf(row), "aria-current": wanted.current?.(row) ? "true" : null },
            ...columns.map((column) => cell(column, row)),
          ),
          lower(below?.(row), keyOf(row), columns.length),
        ]),
    ),
  );
}

function heading<T>({ name, label, kind, by }: Column<T>, sort: Sort | null, set: (sort: Sort) => void): View {
  const here = sort?.column === name ? sort : null;
  const order = here === null ? null : here.ascending ? "ascending" : "descending";
  // Numbers: the largest first, since that is what is looked for.
  const next = { column: name, ascending: here === null ? !kind?.includes("num") : !here.ascending };
  const content = by
    ? h("button", { type: "button", class: "sort", onclick: () => set(next) }, label, h("i", { "aria-hidden": "true" }))
    : label === ""
      ? h("span", { class: "unseen" }, "Acts")
      : label;
  return h("th", { role: "columnheader", scope: "col", class: kind, "aria-sort": order, key: name }, content);
}

function cell<T>({ name, label, kind, show }: Column<T>, row: T): View {
  return h("td", { role: "cell", class: kind, "data-label": label, key: name }, show(row));
}

function lower(content: Child, key: string, columns: number): Child {
  if (!content) return null;
  return h(
    "tr",
    { role: "row", class: "below", key: `${key}#below` },
    h("td", { role: "cell", colspan: columns }, content),
  );
}

function sorted<T>(rows: readonly T[], columns: readonly Column<T>[], sort: Sort | null): readonly T[] {
  const by = columns.find(({ name }) => name === sort?.column)?.by;
  if (by === undefined) return rows;
  const sign = sort!.ascending ? 1 : -1;
  return rows.toSorted((a, b) => sign * compare(by(a), by(b)));
}

function compare(a: number | string, b: number | string): number {
  if (typeof a === "number" && typeof b === "number") return a - b;
  return String(a).localeCompare(String(b), "en", { numeric: true });
}
