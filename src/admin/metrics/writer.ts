/**
 * The page of metrics in the two formats that collectors ask for: Prometheus's text and OpenMetrics. A writer of our own: prom-client
 * keeps a map entry for each series and builds the page in one piece, which for ten thousand targets stalls the thread for longer than
 * all of this takes. What a page costs is in docs/metrics.md.
 */
import type { Scale } from "../../telemetry/scale.ts";
import { familyOf, type HistogramSeries, type Metric, type Series, unitOf } from "./metric.ts";
import type { Scrape } from "./scrape.ts";

export interface Format {
  readonly contentType: string;
  readonly isOpen: boolean;
}

export const TEXT: Format = { contentType: "text/plain; version=0.0.4; charset=utf-8", isOpen: false };
export const OPEN_METRICS: Format = {
  contentType: "application/openmetrics-text; version=1.0.0; charset=utf-8",
  isOpen: true,
};

/** Lines to a piece: a fraction of a ms. */
const LINES = 1_000;

/** The page, in pieces between which others may have their turn. */
export function* pageOf(metrics: readonly Metric[], scrape: Scrape, format: Format): Generator<string> {
  for (const metric of metrics) {
    const head = headOf(metric, format);
    if (metric.type === "histogram") yield* histogramLines(metric.name, head, metric.histograms(scrape));
    else yield* numberLines(metric.name, head, metric.series(scrape));
  }
  if (format.isOpen) yield "# EOF\n";
}

function headOf(metric: Metric, { isOpen }: Format): string {
  const family = isOpen ? familyOf(metric) : metric.name;
  const unit = unitOf(metric);
  const help = metric.help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
  const unitLine = isOpen && unit !== null ? `# UNIT ${family} ${unit}\n` : "";
  return `# HELP ${family} ${isOpen ? help.replaceAll('"', '\\"') : help}\n# TYPE ${family} ${metric.type}\n${unitLine}`;
}

function* numberLines(name: string, head: string, series: readonly Series[]): Generator<string> {
  let text = head;
  let lines = 0;
  for (const { labels, also = "", value } of series) {
    const begin = also === "" ? `${name}{` : `${name}{${also},`;
    for (let nth = 0; nth < labels.length; nth++) {
      const is = value(nth);
      if (Number.isNaN(is)) continue;
      const here = labels[nth]!;
      text += here === "" ? `${name} ${is}\n` : `${begin}${here}} ${is}\n`;
      if (++lines % LINES !== 0) continue;
      yield text;
      text = "";
    }
  }
  if (lines > 0 && text !== "") yield text;
}

function* histogramLines(name: string, head: string, all: readonly HistogramSeries[]): Generator<string> {
  let text = head;
  for (const [nth, each] of all.entries()) {
    text += histogramText(name, each);
    if (nth % (LINES / 25) !== 0) continue;
    yield text;
    text = "";
  }
  if (all.length > 0) yield text;
}

function histogramText(name: string, { labels, histogram: { scale, counts, sum } }: HistogramSeries): string {
  const edges = edgesOf(scale);
  const begin = labels === "" ? `${name}_bucket{` : `${name}_bucket{${labels},`;
  const own = labels === "" ? "" : `{${labels}}`;
  let text = "";
  let range = 0;
  let count = 0;
  for (const [nth, shown] of scale.shown.entries()) {
    while (range <= shown) count += counts[range++]!;
    text += `${begin}${edges[nth]!}} ${count}\n`;
  }
  while (range < counts.length) count += counts[range++]!;
  return `${text}${begin}le="+Inf"} ${count}\n${name}_sum${own} ${sum / 1_000}\n${name}_count${own} ${count}\n`;
}

const EDGES = new WeakMap<Scale, readonly string[]>();

/** `le="0.0025"` of each bound that is shown, in seconds. With a point, as OpenMetrics has its numbers. */
function edgesOf(scale: Scale): readonly string[] {
  const known = EDGES.get(scale);
  if (known !== undefined) return known;
  const edges = scale.shown.map((at) => {
    const seconds = String(Number((scale.bounds[at]! / 1_000).toPrecision(6)));
    return `le="${/[.e]/.test(seconds) ? seconds : `${seconds}.0`}"`;
  });
  EDGES.set(scale, edges);
  return edges;
}
