/** Results as a table. */
import type { Result } from "./run.ts";
import { BACK_MS, FAULT_MS } from "./world.ts";

export interface Row {
  readonly title: string;
  /** By the titles of the subjects. */
  readonly results: ReadonlyMap<string, Result>;
}

export function table(rows: readonly Row[], titles: readonly string[]): string {
  const head = ["", ...titles];
  const lines = rows.map(({ title, results }) => [title, ...titles.map((each) => cell(results.get(each)))]);
  return [head, head.map(() => "---"), ...lines].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

export function cell(result: Result | undefined): string {
  if (result === undefined) return "not measured";
  const { failed, out, back } = result;
  const outText = out === null ? `not out in ${FAULT_MS / 1000} s` : `out ${seconds(out)}`;
  const backText = back === null ? `not back in ${BACK_MS / 1000} s` : `back ${seconds(back)}`;
  return `${failed} failed, ${outText}, ${backText}`;
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
