/** The table of metrics as markdown, for docs/metrics.md: from the same table that the page is made of. */
import { unitOf } from "../src/admin/metrics/metric.ts";
import { METRICS } from "../src/admin/metrics/table.ts";

export const METRICS_HEAD = ["Metric", "Type", "Unit", "Labels", "What it is"];

export function metricRows(): string[][] {
  return METRICS.map((metric) => {
    const labels = metric.labels.map((label) => `\`${label}\``).join(", ");
    return [`\`${metric.name}\``, metric.type, unitOf(metric) ?? "", labels, metric.help];
  });
}
