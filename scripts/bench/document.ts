/** What was measured, in the documents: each between `<!-- name -->` and `<!-- /name -->`. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../runtimes.ts";

/** Replaces what is there. A text of several lines stands in a paragraph of its own. */
export function writeMeasured(file: string, name: string, text: string): void {
  const path = join(root, file);
  const [start, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const document = readFileSync(path, "utf8");
  const [from, to] = [document.indexOf(start), document.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`${file} has no place for what was measured: ${start} … ${end}`);
  const gap = text.includes("\n") ? "\n\n" : "";
  writeFileSync(path, document.slice(0, from + start.length) + gap + text.trim() + gap + document.slice(to));
  console.log(`Written to ${file}, between ${start} and ${end}.`);
}
