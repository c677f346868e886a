/** The last hour of a pool, in six charts. */
import type { History } from "../../../api/schemas/pools.ts";
import { h, held, type View } from "../dom.ts";
import { bytesPerSecond, count, milliseconds, perSecond } from "../format.ts";
import { Chart, type ChartOptions } from "./chart.ts";

type Series = readonly (number | null)[];

interface HourChart extends ChartOptions {
  readonly of: (history: History) => readonly Series[];
}

const each = (series: Series, stepMs: number): Series =>
  series.map((value) => (value === null ? null : (value * 1000) / stepMs));

const CHARTS: readonly HourChart[] = [
  {
    title: "Open",
    lines: [
      { label: "active", colour: 1 },
      { label: "waiting", colour: 3 },
    ],
    text: count,
    whole: true,
    of: ({ active, waiting }) => [active, waiting],
  },
  {
    title: "New",
    lines: [{ label: "connections", colour: 1 }],
    text: perSecond,
    of: ({ connections, stepMs }) => [each(connections, stepMs)],
  },
  {
    title: "Traffic",
    lines: [
      { label: "in", colour: 2 },
      { label: "out", colour: 1 },
    ],
    text: bytesPerSecond,
    of: ({ bytesIn, bytesOut, stepMs }) => [each(bytesIn, stepMs), each(bytesOut, stepMs)],
  },
  {
    title: "Connect time",
    lines: [
      { label: "p50", colour: 1 },
      { label: "p99", colour: 2 },
    ],
    text: milliseconds,
    of: ({ connectP50, connectP99 }) => [connectP50, connectP99],
  },
  {
    title: "Failures",
    lines: [
      { label: "connects", colour: 2 },
      { label: "turned away", colour: 3 },
    ],
    text: count,
    whole: true,
    of: ({ failures, unavailable }) => [failures, unavailable],
  },
  {
    title: "Targets",
    lines: [{ label: "up", colour: 1 }],
    text: count,
    whole: true,
    of: ({ targetsUp }) => [targetsUp],
  },
];

export class Hour {
  readonly #charts = CHARTS.map((options) => ({ options, chart: new Chart(options) }));
  #shown: History | null = null;

  constructor() {
    const restyle = () => {
      for (const { chart } of this.#charts) chart.restyle();
    };
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", restyle);
  }

  view(history: History | null): View {
    if (history !== null && history !== this.#shown) this.#show(history);
    return h("div", { class: "charts" }, ...this.#charts.map(({ chart }) => held(chart.element)));
  }

  #show(history: History): void {
    this.#shown = history;
    const { until, stepMs, active } = history;
    const end = Date.parse(until) / 1000;
    const times = active.map((_, index) => end - ((active.length - 1 - index) * stepMs) / 1000);
    for (const { options, chart } of this.#charts) chart.show(times, options.of(history));
  }
}
