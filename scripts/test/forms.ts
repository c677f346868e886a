/** The forms that Harmony's tests run in: a runtime from source, or the compiled programs driven by Node. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { bun, deno, loader, NEWEST_NODE, node, nodeOfVersion, OLDEST_NODE, root } from "../runtimes.ts";
import { bundleNodePrograms, nodeEnv } from "./node-programs.ts";
import { type FormName, runsIn } from "./rules.ts";
import { isUnit } from "./units.ts";

export interface Form {
  readonly name: FormName | "unit";
  /** What it runs on, or why it cannot run. */
  prepare(): Prepared | Promise<Prepared>;
  /** What it needs is built first. */
  readonly built?: boolean;
  readonly env?: NodeJS.ProcessEnv;
}

export interface Ready {
  readonly label: string;
  readonly command: Command;
}
export type Prepared = Ready | { readonly missing: string };

/** The command line that runs one test file and leaves a JUnit report. */
export type Command = (file: string, report: string) => string[];

/** All but Node and Bun, whose two JavaScript engines do all of it, do less of what is large or drawn at random: test/support/amount.ts. */
const LIGHT = { HARMONY_TEST_LIGHT: "1" };

const nodePreload = pathToFileURL(join(root, "scripts/test/node-preload.ts")).href;

const nodeCommand =
  (binary: string): Command =>
  (file, report) => [
    binary,
    "--import",
    loader,
    "--import",
    nodePreload,
    "--test-reporter=spec",
    "--test-reporter-destination=stdout",
    "--test-reporter=junit",
    `--test-reporter-destination=${report}`,
    file,
  ];

const bunCommand: Command = (file, report) => [
  bun,
  "test",
  "--reporter=junit",
  `--reporter-outfile=${report}`,
  `./${file}`,
];
const denoCommand: Command = (file, report) => [deno, "test", "-A", "--no-check", `--junit-path=${report}`, file];

/** How a test file is run on each runtime. */
export const commands: Readonly<Record<"node" | "bun" | "deno", Command>> = {
  node: nodeCommand(node),
  bun: bunCommand,
  deno: denoCommand,
};

const ready = (label: string, command: Command) => () => ({ label, command });

async function otherNode(version: string): Promise<Prepared> {
  const binary = nodeOfVersion(version);
  return typeof binary === "string" ? nodeForm(version, binary) : binary;
}

async function nodeForm(version: string, binary: string): Promise<Ready> {
  await bundleNodePrograms();
  return { label: `Node ${version}`, command: nodeCommand(binary) };
}

function furtherNode(name: FormName, version: string): Form {
  return { name, env: { ...nodeEnv, ...LIGHT }, prepare: () => otherNode(version) };
}

/** With the engine that `--engine auto` takes, or with the one named. */
function compiled(form: "bun" | "deno", folder: string, engine?: "portable"): Form {
  const exe = process.platform === "win32" ? ".exe" : "";
  return {
    name: engine ? `compiled-${form}-${engine}` : `compiled-${form}`,
    built: true,
    env: { ...LIGHT, HARMONY_TEST_FORM: form, ...(engine && { HARMONY_TEST_ENGINE: engine }) },
    prepare() {
      const missing = ["harmony-balancer", "harmony-reporter"].find(
        (name) => !existsSync(join(root, folder, name + exe)),
      );
      if (missing) return { missing: `${folder}/${missing} was not built: \`make build\` says why` };
      return { label: `${folder}/`, command: nodeCommand(node) };
    },
  };
}

/** In the order they are run in: the compiled ones wait for the last of those before, so what takes long is not at their end. */
export const forms: readonly Form[] = [
  { name: "node", env: nodeEnv, prepare: () => nodeForm(process.versions.node, node) },
  { name: "bun", prepare: ready("Bun", bunCommand) },
  { name: "deno", env: LIGHT, prepare: ready("Deno", denoCommand) },
  // Node with the linux engine.
  {
    name: "node-newest-ffi",
    env: { ...nodeEnv, ...LIGHT, NODE_OPTIONS: "--experimental-ffi" },
    prepare: () => otherNode(NEWEST_NODE),
  },
  furtherNode("node-oldest", OLDEST_NODE),
  furtherNode("node-newest", NEWEST_NODE),
  compiled("bun", "dist"),
  compiled("bun", "dist", "portable"),
  compiled("deno", "dist/deno"),
  compiled("deno", "dist/deno", "portable"),
];

/** The fast inner loop: what starts no processes, on Node. All of it runs in the form `node`, too. */
export const unit: Form = {
  name: "unit",
  prepare: ready(`Node ${process.versions.node}`, nodeCommand(node)),
};

export function belongsTo(form: Form, file: string): boolean {
  return form.name === "unit" ? isUnit(file) : runsIn(file, form.name);
}
