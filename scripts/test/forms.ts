/** The forms that Harmony's tests run in: a runtime from source, or the compiled programs driven by Node. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { bun, deno, loader, NEWEST_NODE, node, nodeOfVersion, OLDEST_NODE, root, testFiles } from "../runtimes.ts";
import { bundleNodePrograms, nodeEnv } from "./node-programs.ts";

export interface Form {
  /** As in the table: `node`, `bun`, `deno`, `node-oldest`, `node-newest`, `compiled-bun`, `compiled-bun-portable` … */
  readonly name: string;
  /** What it runs on, or why it cannot run. */
  prepare(): Prepared | Promise<Prepared>;
  files(): string[];
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

// They start their own processes of every runtime, so that once is enough.
const NODE_ONLY = ["test/package/"];
// The black-box tests and the examples start programs as processes: their code does not depend on the Node that drives them.
const PROGRAMS = ["test/blackbox/", "test/examples/"];
// The control channel and the looking up of targets are the same with every engine: a form that differs from another in its
// engine alone need not test them again.
const ANY_ENGINE = [
  "advertise",
  "join",
  "key-rotation",
  "nat",
  "own-key-rotation",
  "services",
  "static-targets",
  "strangers",
].map((name) => `test/blackbox/${name}.test.ts`);

const without = (folders: readonly string[]) => (): string[] =>
  testFiles().filter((file) => !folders.some((folder) => file.startsWith(folder)));

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

/** What opens no socket and starts no process, by the beginning of its path: such a unit is run in one process. */
const UNITS = ["pool/threads", "pool/", "control/", "config/", "targets/", "proxy/", "util/"].map(
  (path) => `test/${path}`,
);
const NOT_UNIT = ["test/control/native.test.ts", "test/control/python.test.ts"];

/** The first of them that it begins with. */
function unitOf(file: string): string | undefined {
  return NOT_UNIT.includes(file) ? undefined : UNITS.find((unit) => file.startsWith(unit));
}

/** The files of one of them. */
export function unitFiles(unit: string): string[] {
  return testFiles().filter((file) => unitOf(file) === unit);
}

const inUnits =
  (command: Command): Command =>
  (file, report) =>
    UNITS.includes(file) ? [...command("scripts/test/unit.ts", report), file] : command(file, report);

const ready = (label: string, command: Command) => () => ({ label, command });

async function otherNode(version: string): Promise<Prepared> {
  const binary = nodeOfVersion(version);
  return typeof binary === "string" ? nodeForm(version, binary) : binary;
}

async function nodeForm(version: string, binary: string): Promise<Ready> {
  await bundleNodePrograms();
  return { label: `Node ${version}`, command: nodeCommand(binary) };
}

/** What may differ from one Node to another: all but the programs, and with fewer runs of what is large or drawn at random. */
function furtherNode(name: string, version: string): Form {
  return {
    name,
    files: () => [...UNITS, ...without([...NODE_ONLY, ...PROGRAMS])().filter((file) => unitOf(file) === undefined)],
    env: { ...nodeEnv, HARMONY_TEST_LIGHT: "1" },
    async prepare() {
      const prepared = await otherNode(version);
      return "missing" in prepared ? prepared : { ...prepared, command: inUnits(prepared.command) };
    },
  };
}

/** The form in which Node has the linux engine. */
function nodeWithFfi(name: string, version: string): Form {
  return {
    name,
    files: () => testFiles("test/engines").filter((file) => file.includes("/linux")),
    env: { NODE_OPTIONS: "--experimental-ffi" },
    prepare: () => otherNode(version),
  };
}

/** With the engine that `--engine auto` takes, or with the one named. */
function compiled(form: "bun" | "deno", folder: string, engine?: "portable"): Form {
  const exe = process.platform === "win32" ? ".exe" : "";
  return {
    name: engine ? `compiled-${form}-${engine}` : `compiled-${form}`,
    built: true,
    files: () => testFiles("test/blackbox").filter((file) => !(engine && ANY_ENGINE.includes(file))),
    env: { HARMONY_TEST_FORM: form, ...(engine && { HARMONY_TEST_ENGINE: engine }) },
    prepare() {
      const missing = ["harmony-balancer", "harmony-reporter"].find(
        (name) => !existsSync(join(root, folder, name + exe)),
      );
      if (missing) return { missing: `${folder}/${missing} was not built: \`make build\` says why` };
      return { label: `${folder}/`, command: nodeCommand(node) };
    },
  };
}

export const forms: readonly Form[] = [
  { name: "node", files: without([]), env: nodeEnv, prepare: () => nodeForm(process.versions.node, node) },
  { name: "bun", files: without(NODE_ONLY), prepare: ready("Bun", bunCommand) },
  { name: "deno", files: without(NODE_ONLY), prepare: ready("Deno", denoCommand) },
  furtherNode("node-oldest", OLDEST_NODE),
  furtherNode("node-newest", NEWEST_NODE),
  nodeWithFfi("node-newest-ffi", NEWEST_NODE),
  compiled("bun", "dist"),
  compiled("bun", "dist", "portable"),
  compiled("deno", "dist/deno"),
  compiled("deno", "dist/deno", "portable"),
];

/** The fast inner loop: some processes rather than one for each file. All of these files run in the form `node`, too. */
export const unit: Form = {
  name: "unit",
  files: () => [...UNITS],
  prepare: ready(`Node ${process.versions.node}`, inUnits(nodeCommand(node))),
};
