/** How what a reload does is printed. */
import type { Steps } from "../admin/api/schemas/acts.ts";
import { print } from "./command.ts";

/** What the balancer reads when it reloads, as the rest of a sentence. */
export function fileText({ file }: Steps): string {
  return file === null ? "it was started without a file (--config)" : `its file is ${file}`;
}

/** A line a step. */
export function printSteps({ steps }: Steps, none: string): void {
  print(steps.length === 0 ? none : steps.map(({ text }) => text).join("\n"));
}
