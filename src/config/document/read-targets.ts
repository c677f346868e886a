/** The reporter's file: options, and a table for each target where there are several. */
import { namesIn } from "../names.ts";
import { reporterOptions } from "../reporter-options.ts";
import { targetOptions } from "../target-options.ts";
import type { Source } from "../values.ts";
import { readOptions } from "./read-options.ts";
import { ABOVE } from "./section-options.ts";
import { isTable, readTomlFile } from "./toml-table.ts";

const TARGET = "target";

export interface WrittenTargets {
  readonly top: Source;
  /** null: the options at the top describe the only one. */
  readonly targets: readonly Source[] | null;
}

export const NO_FILE: WrittenTargets = { top: new Map(), targets: null };

/** What is wrong goes to `problems`, each with file, line and column. */
export function readTargets(path: string, problems: string[]): WrittenTargets {
  const file = readTomlFile(path, "config", problems);
  if (file === null) return NO_FILE;
  const top = readOptions(file, reporterOptions, problems, { sections: [TARGET] });
  const all = file.values[TARGET];
  if (all === undefined) return { top, targets: null };
  if (Array.isArray(all) && all.every(isTable)) {
    return {
      top,
      targets: all.map((_, index) => readOptions(file.table(TARGET, index)!, targetOptions, problems, { elsewhere })),
    };
  }
  problems.push(`${file.keyAt(TARGET)}: ${TARGET}: give a table for each, headed [[${TARGET}]]`);
  return { top, targets: null };
}

function elsewhere(key: string): string | null {
  return namesIn(reporterOptions, "file").options.has(key) ? ABOVE : null;
}
