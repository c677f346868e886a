/**
 * `make run`: a balancer on port 3000 (or PORT), three small HTTP servers and a reporter for each, with weights 500, 500 and
 * 1000, all on this machine and all real programs in processes of their own. Shows live who got what; Ctrl-C ends everything.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { loader, node, root } from "./runtimes.ts";

const PORT = process.env.PORT ?? "3000";
const ADMIN_PORT = process.env.ADMIN_PORT ?? "1666";
const WEIGHTS = [500, 500, 1000];
// Long enough for a few requests to be open at once, so that weights show.
const ANSWER_MS = 50;
const REDRAW_MS = 200;
// Nothing here has connections that are worth waiting for.
const DRAIN = "2s";
const END_PATIENCE_MS = 5_000;

interface Sample {
  readonly name: string;
  readonly weight: number;
  readonly port: number;
  readonly server: Server;
  served: number;
}

const children: ChildProcess[] = [];
let ending = false;
process.on("SIGINT", () => void end(0));
process.on("SIGTERM", () => void end(0));

// A key of this demonstration's own: nothing is left on the machine.
const env = { ...process.env, HARMONY_KEY: `demo:${randomBytes(24).toString("base64url")}` };
const { port, adminPort } = await startBalancer();
const samples = await Promise.all(WEIGHTS.map(startSample));
await Promise.all(samples.map(startReporter));
printHelp();
show();

/** The ports are the ones it really got: PORT=0 is any free one. */
async function startBalancer(): Promise<{ port: string; adminPort: string }> {
  const options = ["--listen", PORT, "--admin", ADMIN_PORT, "--persistent", "off", "--drain-timeout", DRAIN];
  const advice = "PORT and ADMIN_PORT choose others: make run PORT=3100 ADMIN_PORT=1700";
  const { clients, reporters } = await startProgram("harmony-balancer", options, /^listening/, advice);
  const portOf = (addresses: unknown): string => /\d+$/.exec((addresses as string[])[0]!)![0];
  return { port: portOf(clients), adminPort: portOf(reporters) };
}

async function startSample(weight: number, index: number): Promise<Sample> {
  const name = `server ${index + 1}`;
  const server = createServer((_request, response) => {
    sample.served++;
    setTimeout(() => response.end(`This is ${name}, of weight ${weight}.\n`), ANSWER_MS);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const sample: Sample = { name, weight, server, port: (server.address() as AddressInfo).port, served: 0 };
  return sample;
}

async function startReporter({ weight, port: target }: Sample): Promise<void> {
  const options = [
    "--host",
    "127.0.0.1",
    "--admin-port",
    adminPort,
    "--port",
    String(target),
    "--balance",
    String(weight),
  ];
  await startProgram("harmony-reporter", [...options, "--drain-timeout", DRAIN], /^registered/);
}

interface LogLine {
  readonly message: string;
  readonly properties: Readonly<Record<string, unknown>>;
}

/** Starts a program; resolves with the properties of its log line `ready`. If it ends before, so does the demonstration. */
async function startProgram(
  name: string,
  args: readonly string[],
  ready: RegExp,
  advice = "",
): Promise<LogLine["properties"]> {
  const command = ["--import", loader, join(root, "src/bin", `${name}.ts`), ...args, "--log-format", "json"];
  const child = spawn(node, command, { cwd: root, env, stdio: ["ignore", "ignore", "pipe"] });
  children.push(child);
  const said: string[] = [];
  return new Promise((resolve) => {
    createInterface(child.stderr).on("line", (text) => {
      const line = text.startsWith("{") ? (JSON.parse(text) as LogLine) : { message: text, properties: {} };
      said.push(line.message);
      if (ready.test(line.message)) resolve(line.properties);
    });
    child.once("close", (code) => {
      if (ending) return;
      console.error(`${name} ended with code ${code}:\n${said.join("\n")}`);
      if (advice) console.error(advice);
      void end(1);
    });
  });
}

function printHelp(): void {
  const url = `http://127.0.0.1:${port}/`;
  console.log(`The balancer listens on ${url} and has three targets.

  one request:   curl ${url}
  a small load:  for i in {1..400}; do curl -s -o /dev/null ${url} & done; wait

While the targets are idle everybody goes to the largest; under load they share 25 : 25 : 50. Ctrl-C ends everything.
`);
}

/** On a terminal one table that is redrawn in place; elsewhere a line at each change. */
function show(): void {
  let last = "";
  setInterval(() => {
    const total = samples.reduce((sum, { served }) => sum + served, 0);
    const share = (served: number): string => (total === 0 ? "-" : `${((100 * served) / total).toFixed(1)} %`);
    const line = samples.map(({ name, served }) => `${name}: ${served} (${share(served)})`).join("   ");
    if (line === last) return;
    if (!process.stdout.isTTY) console.log(line);
    else {
      if (last !== "") process.stdout.write(`\x1b[${samples.length + 1}A`);
      console.log("target     weight   port  requests    share");
      for (const { name, weight, port: target, served } of samples) {
        const columns = [name.padEnd(9), String(weight).padStart(7), String(target).padStart(6)];
        console.log([...columns, String(served).padStart(9), share(served).padStart(8)].join(" "));
      }
    }
    last = line;
  }, REDRAW_MS);
}

/** Asks every program to stop, waits for them, and ends what is then still there. */
async function end(code: number): Promise<void> {
  if (ending) return;
  ending = true;
  const gone = children.map((child) =>
    child.exitCode !== null || child.signalCode !== null
      ? undefined
      : new Promise((resolve) => child.once("close", resolve)),
  );
  for (const child of children) child.kill("SIGTERM");
  await Promise.race([Promise.all(gone), delay(END_PATIENCE_MS)]);
  for (const child of children) child.kill("SIGKILL");
  process.exit(code);
}
