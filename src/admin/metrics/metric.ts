/** What an entry of the table of metrics consists of. */
import type { Histogram } from "../../telemetry/histogram.ts";
import { labelText } from "./label.ts";
import type { Scrape } from "./scrape.ts";

/** Values, each with its labels as text (`pool="web",target="web/a"`; empty: it has none). */
export interface Series {
  readonly labels: readonly string[];
  /** Further labels that all of them have: `direction="in"`. Not where `labels` are empty. */
  readonly also?: string;
  /** Of the nth; NaN: it has none. */
  readonly value: (nth: number) => number;
}

export interface HistogramSeries {
  readonly labels: string;
  readonly histogram: Histogram;
}

interface Described {
  /** With its unit, and with `_total` where it counts. */
  readonly name: string;
  readonly help: string;
  /** Their names. */
  readonly labels: readonly string[];
}

export interface NumberMetric extends Described {
  readonly type: "counter" | "gauge";
  series(scrape: Scrape): readonly Series[];
}

export interface HistogramMetric extends Described {
  readonly type: "histogram";
  histograms(scrape: Scrape): readonly HistogramSeries[];
}

export type Metric = NumberMetric | HistogramMetric;

const UNITS = ["seconds", "bytes"];

/** The base unit that its name ends in, before `_total`; null: it is a number of things. */
export function unitOf({ name }: Pick<Metric, "name">): string | null {
  return UNITS.find((unit) => familyOf({ name }).endsWith(`_${unit}`)) ?? null;
}

/** As OpenMetrics calls it: a counter's name is the family's, and its samples end in `_total`. */
export function familyOf({ name }: Pick<Metric, "name">): string {
  return name.replace(/_total$/, "");
}

/** One value without labels; null: there is none. */
export function single(value: number | null): readonly Series[] {
  return value === null ? [] : [{ labels: [""], value: () => value }];
}

/** Of a label whose values are few. `values`: by value of the label. */
export function byLabel(label: string, values: Iterable<readonly [name: string, value: number]>): readonly Series[] {
  const all = [...values];
  return [{ labels: all.map(([name]) => labelText(label, name)), value: (nth) => all[nth]![1] }];
}
