/** Medians, spreads, and the printed table. */

export interface Measured {
  readonly form: string;
  /** One value per round, by measure. */
  readonly values: Record<string, number[]>;
}

export interface Measure {
  readonly key: string;
  readonly title: string;
  readonly unit: string;
  /** Only the form's own number counts; a ratio would say nothing. */
  readonly noRatio?: boolean;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** Half the distance between the smallest and the largest value, in percent of the median. */
export function spread(values: readonly number[]): number {
  return ((Math.max(...values) - Math.min(...values)) / 2 / median(values)) * 100;
}

/** A block per measure: a row per form with median, spread, and the ratios to the reference forms. */
export function table(measures: readonly Measure[], rows: readonly Measured[], references: readonly string[]): string {
  const width = Math.max(...rows.map((row) => row.form.length));
  const lines: string[] = [];
  for (const measure of measures) {
    const present = rows.filter((row) => (row.values[measure.key]?.length ?? 0) > 0);
    if (present.length === 0) continue;
    lines.push("", `${measure.title} [${measure.unit}]`);
    for (const row of present) {
      const values = row.values[measure.key]!;
      const ratios = references
        .map((name) => ({ name, base: rows.find((other) => other.form === name)?.values[measure.key] }))
        .filter(({ name, base }) => !measure.noRatio && base && base.length > 0 && name !== row.form)
        .map(({ name, base }) => `${(median(values) / median(base!)).toFixed(2)} × ${name}`);
      lines.push(
        `  ${row.form.padEnd(width)}  ${format(median(values)).padStart(10)}  ±${spread(values).toFixed(0).padStart(3)} %  ${ratios.join("   ")}`,
      );
    }
  }
  return lines.join("\n");
}

/** The same for documentation: a row per measure, values of the first form and ratios to them of the others. */
export function markdown(measures: readonly Measure[], rows: readonly Measured[]): string {
  const [reference] = rows;
  const lines = [["", ...rows.map(({ form }) => form)], Array<string>(rows.length + 1).fill("---")];
  for (const { key, title, unit, noRatio } of measures) {
    if (!rows.some(({ values }) => values[key]?.length)) continue;
    const base = reference?.values[key];
    const cells = rows.map((row) => {
      const values = row.values[key];
      if (!values?.length) return "not measured";
      const absolute = row === reference || noRatio || !base?.length;
      return absolute ? `${format(median(values))} ${unit}` : (median(values) / median(base)).toFixed(2);
    });
    lines.push([title, ...cells]);
  }
  return lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function format(value: number): string {
  if (Math.abs(value) >= 1000) return Math.round(value).toString();
  return value.toPrecision(3);
}
