/** One chart of the last hour: a few lines over time, with what they are worth under the pointer, or now. */
import uPlot from "uplot";
import { type Child, h, patch } from "../dom.ts";

export interface Line {
  readonly label: string;
  /** Which of the colours for lines: `--line-1` … */
  readonly colour: 1 | 2 | 3;
}

export interface ChartOptions {
  readonly title: string;
  readonly lines: readonly Line[];
  readonly text: (value: number | null) => string;
  /** There are no halves of it. */
  readonly whole?: boolean;
}

/** Steps between the lines of what there are no halves of. */
const WHOLE_STEPS = Array.from({ length: 10 }, (_, n) => [1, 2, 5].map((digit) => digit * 10 ** n)).flat();
/** s that it shows at least: of a balancer that has just been started there is little to be seen. */
const LEAST = 600;
/** CSS pixels. */
const HEIGHT = 128;
/** Of the column of numbers: fixed, so that charts below each other begin and end at the same place. */
const AXIS_WIDTH = 62;

export class Chart {
  readonly element = document.createElement("figure");
  readonly #options: ChartOptions;
  readonly #caption = document.createElement("figcaption");
  readonly #place = document.createElement("div");
  #plot: uPlot | null = null;
  #data: uPlot.AlignedData = [[]];
  #index: number | null = null;

  constructor(options: ChartOptions) {
    this.#options = options;
    this.element.className = "chart";
    this.#place.className = "plot";
    this.element.append(this.#caption, this.#place);
    new ResizeObserver(() => this.#fit()).observe(this.#place);
  }

  /** `times` in s; the series as long as it. */
  show(times: readonly number[], series: readonly (readonly (number | null)[])[]): void {
    this.#data = [times as number[], ...series.map((each) => [...each])];
    this.#plot?.setData(this.#data);
    this.#say();
  }

  /** Its colours are others now. */
  restyle(): void {
    this.#plot?.destroy();
    this.#plot = null;
    this.#fit();
  }

  #fit(): void {
    const width = this.#place.clientWidth;
    if (width === 0) return;
    if (this.#plot === null) this.#plot = new uPlot(this.#config(width), this.#data, this.#place);
    else if (this.#plot.width !== width) this.#plot.setSize({ width, height: HEIGHT });
  }

  #config(width: number): uPlot.Options {
    const css = getComputedStyle(document.documentElement);
    const colour = (name: string) => css.getPropertyValue(name).trim();
    const axis = {
      stroke: colour("--faint"),
      font: `11px ${colour("--font")}`,
      grid: { stroke: colour("--rule"), width: 1 },
      ticks: { show: false },
    };
    return {
      width,
      height: HEIGHT,
      padding: [6, 6, 0, 0],
      legend: { show: false },
      cursor: { sync: { key: "hour" }, drag: { x: false, y: false }, points: { size: 5 }, y: false },
      scales: {
        x: { range: (_, begin, end) => [Math.min(begin, end - LEAST), end] },
        y: { range: (_, __, most) => [0, uPlot.rangeNum(0, most > 0 ? most : 1, 0.1, true)[1]!] },
      },
      axes: [
        { ...axis, size: 22, gap: 4, space: 64, values: (_, times) => times.map(clock) },
        {
          ...axis,
          size: AXIS_WIDTH,
          gap: 6,
          space: 30,
          ...(this.#options.whole ? { incrs: WHOLE_STEPS } : {}),
          values: (_, values) => values.map(this.#options.text),
        },
      ],
      series: [
        {},
        ...this.#options.lines.map((line) => ({
          label: line.label,
          stroke: colour(`--line-${line.colour}`),
          fill: line.colour === 1 ? colour("--line-1-fill") : "transparent",
          width: 1.5,
          points: { show: false },
        })),
      ],
      hooks: {
        setCursor: [
          ({ cursor }) => {
            this.#index = cursor.idx ?? null;
            this.#say();
          },
        ],
      },
    };
  }

  #say(): void {
    const [times, ...series] = this.#data;
    const at = this.#index ?? times.length - 1;
    const { title, lines, text } = this.#options;
    const values = lines.map((line, index): [Line, string] => [line, text(series[index]?.[at] ?? null)]);
    const when = this.#index === null ? "now" : clock(times[at] ?? 0);
    patch(this.#caption, [
      h("span", { class: "chart-title" }, title),
      h("span", { class: "chart-when" }, this.#index === null ? "" : when),
      h(
        "span",
        { class: "chart-keys" },
        values.map(([line, value]) => keyOf(line, value)),
      ),
    ]);
    this.#place.setAttribute("role", "img");
    const most = lines.map((line, index) => `${line.label} at most ${text(highest(series[index] ?? []))}`);
    this.#place.setAttribute("aria-label", `${title} over the last hour: ${most.join(", ")}`);
  }
}

function keyOf({ label, colour }: Line, value: string): Child {
  const mark = h("i", { class: `mark line-${colour}`, "aria-hidden": "true" });
  return h("span", { class: "chart-key", key: label }, mark, h("span", null, label), h("b", null, value));
}

function highest(values: ArrayLike<number | null | undefined>): number | null {
  let most: number | null = null;
  for (let index = 0; index < values.length; index++) {
    const value = values[index];
    if (value !== null && value !== undefined && (most === null || value > most)) most = value;
  }
  return most;
}

function clock(seconds: number): string {
  return new Date(seconds * 1000).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
}
