/** The balancer's file: whatever stands in it, each fault has a place in it, and what is taken is taken again when it is written anew. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { difference } from "../../../src/config/document/difference.ts";
import { effectiveText } from "../../../src/config/document/effective.ts";
import { stepText } from "../../../src/config/document/step-text.ts";
import { completeBalancer } from "../../../src/config/load.ts";
import { documents, written } from "../../config/document/documents.ts";
import { removeFolders, temporaryFolder } from "../../support/folder.ts";
import { type Corpus, corpus } from "../corpus.ts";
import { mutated } from "../mutations.ts";

const DICTIONARY = [
  ...[
    "[pool.web]",
    "[pool]",
    "[[pool]]",
    "[listener.l]",
    "listen",
    "targets",
    "routes",
    "include",
    "queue",
    "default",
    "[",
    "]",
  ],
  ...[
    "{",
    "}",
    '"',
    "'''",
    '"""',
    "\\",
    "#",
    ",",
    "=",
    ".",
    "\n",
    "unix:/a",
    "fd:3",
    "fd:x",
    "srv:",
    "weight=1",
    "1e9",
    "-0",
    "nan",
  ],
  ...["1979-05-27", "99999999999999999999", "0x10", "true", "__proto__", "constructor", "\0", "\ufeff", "localhost:0"],
];

const NOTHING = { flags: new Map(), environment: new Map() };
let folder: string | undefined;

function complete(name: string, text: string) {
  if (folder === undefined) {
    folder = temporaryFolder("fuzz");
    process.on("exit", removeFolders); // whoever fuzzes knows nothing of folders
  }
  const config = join(folder, name);
  writeFileSync(config, text);
  const problems: string[] = [];
  const document = completeBalancer({ ...NOTHING, config }, problems);
  return { config, document, problems };
}

export const documentFiles: Corpus = corpus("documents", mutated(documents.map(written), DICTIONARY), (text) => {
  const { config, document, problems } = complete("b.toml", text);
  const lines = text.replace(/^\ufeff/, "").split("\n");
  for (const problem of problems) {
    assert.ok(problem.startsWith(`${config}:`), problem);
    const [line, column] = problem
      .slice(config.length + 1)
      .split(":")
      .map(Number) as [number, number];
    assert.ok(line >= 1 && line <= lines.length && column >= 1 && column <= lines[line - 1]!.length + 2, problem);
  }
  if (problems.length > 0) return undefined;
  const again = complete("again.toml", effectiveText(document));
  assert.deepEqual(again.problems, []);
  const steps = difference(document.settings, again.document.settings).map(stepText);
  assert.deepEqual(steps, []);
  return undefined;
});
