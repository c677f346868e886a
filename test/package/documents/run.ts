/**
 * Runs what a document shows: `run.ts FILE BUNDLES`. It has a machine to itself (test/library/machine.ts): its own network, where
 * the ports that documents name are free, its own /etc and home, and the programs on the path and in the working directory.
 * Prints what went wrong, a problem at a time; exit code 1 if anything did.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { node } from "../../../scripts/runtimes.ts";
import { messageOf } from "../../../src/util/errors.ts";
import { removeFolders, temporaryFolder } from "../../support/folder.ts";
import { PATIENCE_MS, until, within } from "../../support/wait.ts";
import { readScript, type Step } from "./script.ts";

/** Characters: a load test that fails has much to say. */
const MOST_TOLD = 4_000;
/** What programs need of /etc: users, names, and how OpenSSL is set up. */
const ETC = ["passwd", "group", "nsswitch.conf", "hosts", "ssl/openssl.cnf"];

interface Background {
  readonly step: Step & { kind: "start" };
  readonly child: ChildProcess;
  readonly ended: Promise<number | null>;
  output: string;
}

const [document, bundles] = process.argv.slice(2) as [string, string];
const place = temporaryFolder("document");
const work = join(place, "work");
const env = machine();
const running: Background[] = [];
let problems = 0;

for (const step of readScript(readFileSync(document, "utf8"))) await perform(step);
await stop(0);
removeFolders();
process.exitCode = problems > 0 ? 1 : 0;

/** Lays the machine out; returns the environment of its shell. */
function machine(): NodeJS.ProcessEnv {
  const [bin, home, etc] = [join(place, "bin"), join(place, "home"), join(place, "etc")];
  for (const folder of [bin, home, etc, work]) mkdirSync(folder);
  for (const file of ETC) if (existsSync(join("/etc", file))) cpSync(join("/etc", file), join(etc, file));
  const mounted = spawnSync("mount", ["--bind", etc, "/etc"], { encoding: "utf8" });
  if (mounted.status !== 0) throw new Error(`this machine cannot have an /etc of its own: ${mounted.stderr}`);
  for (const name of ["harmony-balancer", "harmony-reporter"]) {
    const script = `#!/bin/sh\nexec '${node}' '${join(bundles, `${name}.mjs`)}' "$@"\n`;
    for (const folder of [bin, work]) {
      writeFileSync(join(folder, name), script);
      chmodSync(join(folder, name), 0o755);
    }
  }
  symlinkSync(join(bundles, "node_modules"), join(work, "node_modules"));
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(HARMONY_|XDG_|NODE_OPTIONS|NODE_EXTRA_CA_CERTS|npm_)/.test(name),
  );
  return { ...Object.fromEntries(kept), HOME: home, PATH: `${bin}:${dirname(node)}:${process.env.PATH}` };
}

async function perform(step: Step): Promise<void> {
  switch (step.kind) {
    case "run":
      return run(step);
    case "start":
      return start(step);
    case "check":
      return check(step);
    case "stop":
      return stop(step.line);
    case "file":
    case "copy": {
      const path = resolve(work, step.path);
      mkdirSync(dirname(path), { recursive: true });
      if (step.kind === "file") writeFileSync(path, step.text);
      else cpSync(resolve(dirname(document), step.from), path, { recursive: true });
      return;
    }
    case "problem":
      return complain(step.line, step.text);
    case "skip":
      return;
  }
}

function run({ line, text, prints }: Step & { kind: "run" }): void {
  const { status, output } = shell(text);
  if (status !== 0) complain(line, `exit code ${status}\n${output}`);
  else if (prints !== null && !new RegExp(prints, "m").test(output))
    complain(line, `it printed no ${prints}, but\n${output}`);
}

async function start(step: Step & { kind: "start" }): Promise<void> {
  const lines = step.text.split("\n").filter((each) => each.trim() !== "" && !each.startsWith("#"));
  // With exec the signal to end reaches the command and not a shell around it; env takes assignments before the command.
  const child = spawn("bash", ["-c", `exec env ${lines.join("\n")}`], {
    cwd: work,
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const background: Background = {
    step,
    child,
    output: "",
    ended: new Promise((settle) => child.once("close", (code) => settle(code))),
  };
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (bytes: Buffer) => {
      background.output += bytes.toString();
    });
  }
  running.push(background);
  if (step.prints === null) return;
  const pattern = new RegExp(step.prints, "m");
  await until("its words", () => pattern.test(background.output) || child.exitCode !== null).catch(() => undefined);
  if (!pattern.test(background.output)) {
    complain(step.line, `it has not said ${step.prints}, but\n${background.output}`);
  }
}

async function check({ line, text }: Step & { kind: "check" }): Promise<void> {
  let last = "";
  try {
    await until(text, () => {
      const { status, output } = shell(text);
      last = output;
      return status === 0;
    });
  } catch (error) {
    const said = running.map(({ step, output }) => `--- line ${step.line}:\n${output}`);
    complain(line, `${messageOf(error)}\n${last}${said.join("")}`);
  }
}

/** Ends what was started, in reverse order. What a reader was shown has to end as it should. */
async function stop(line: number): Promise<void> {
  for (const { child, ended, output, step } of running.splice(0).reverse()) {
    if (child.exitCode === null) child.kill("SIGTERM");
    const code = await within("its end", ended).catch(() => "late");
    if (code === "late") child.kill("SIGKILL");
    if (code === "late" || (step.prints !== null && code !== 0)) {
      complain(line || step.line, `it ended ${code === "late" ? "too late" : `with ${code}`}: ${step.text}\n${output}`);
    }
  }
}

function shell(text: string): { status: number | null; output: string } {
  const done = spawnSync("bash", ["-euo", "pipefail", "-c", text], {
    cwd: work,
    env,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    timeout: PATIENCE_MS,
  });
  return { status: done.status, output: done.stdout + done.stderr };
}

function complain(line: number, problem: string): void {
  problems++;
  console.log(`line ${line}: ${problem.length > MOST_TOLD ? `${problem.slice(0, MOST_TOLD)}…` : problem}`);
}
