/** Columns that pools and targets have alike. */
import type { Rates } from "../../../api/schemas/common.ts";
import { bytesPerSecond, count, perSecond } from "../format.ts";
import type { Column } from "./table.ts";

/** How fast its counters rise. */
export function rateColumns<T extends { readonly rates: Rates }>(): Column<T>[] {
  const column = (name: string, label: string, of: keyof Rates, show: (rate: number) => string): Column<T> => ({
    name,
    label,
    kind: "num",
    show: ({ rates }) => show(rates[of]),
    by: ({ rates }) => rates[of],
  });
  return [
    column("new", "New", "connections", perSecond),
    column("in", "In", "bytesIn", bytesPerSecond),
    column("out", "Out", "bytesOut", bytesPerSecond),
  ];
}

export function failureColumn<T extends { readonly failures: number }>(): Column<T> {
  return {
    name: "failures",
    label: "Failures",
    kind: "num",
    show: ({ failures }) => count(failures),
    by: ({ failures }) => failures,
  };
}
