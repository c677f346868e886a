/** Documents for tests: files in a folder of their own, and what is made of them. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { balancerOptions } from "../../../src/config/balancer-options.ts";
import type { Completed } from "../../../src/config/document/complete.ts";
import { readEnvironment } from "../../../src/config/environment.ts";
import { completeBalancer } from "../../../src/config/load.ts";
import type { BalancerSettings } from "../../../src/config/settings.ts";
import type { Given } from "../../../src/config/values.ts";
import { temporaryFolder } from "../../support/folder.ts";

export interface Around {
  /** By the options' names in the table. */
  readonly flags?: Readonly<Record<string, string>>;
  readonly environment?: Readonly<Record<string, string>>;
}

/** Properties look at hundreds of documents of one file: those have one place. */
const single = temporaryFolder("document");

/** `files` by their names, or the text of one; the first is the document. What it says of the folder is left out of problems. */
export function completed(
  files: string | Readonly<Record<string, string>>,
  { flags = {}, environment = {} }: Around = {},
): { readonly document: Completed; readonly problems: readonly string[]; readonly folder: string } {
  const folder = typeof files === "string" ? single : temporaryFolder("document");
  const all = typeof files === "string" ? { "b.toml": files } : files;
  for (const [name, text] of Object.entries(all)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  const problems: string[] = [];
  const given = new Map<string, Given>(
    Object.entries(flags).map(([name, text]) => [name, { from: `--${name}`, text }]),
  );
  const env = readEnvironment(environment, balancerOptions, problems);
  const config = join(folder, Object.keys(all)[0]!);
  const document = completeBalancer({ flags: given, environment: env, config }, problems);
  return { document, problems: problems.map((each) => each.replaceAll(`${folder}/`, "")), folder };
}

/** Of a document that has no fault. */
export function settingsOf(files: string | Readonly<Record<string, string>>, around: Around = {}): BalancerSettings {
  const { document, problems } = completed(files, around);
  if (problems.length > 0) throw new Error(problems.join("\n"));
  return document.settings;
}

export function problemsOf(files: string | Readonly<Record<string, string>>, around: Around = {}): readonly string[] {
  return completed(files, around).problems;
}
