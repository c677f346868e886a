/**
 * Runs examples and asks the balancer on port 3000, all on one machine: `run-examples.ts '[{"file":…,"ask":N}…]' COMMAND…`.
 * Prints a JSON line with the answers per file, and one for what an example prints. COMMAND runs a file.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { get } from "node:http";

interface Step {
  readonly file: string;
  /** Answers to fetch once it runs, one after the other, each on a connection of its own: until this one came, … */
  readonly until?: string;
  /** … and then so many. */
  readonly ask: number;
  /** Whether it is ended before the next one starts. */
  readonly end?: boolean;
}

const PATIENCE_MS = 15_000;

const steps = JSON.parse(process.argv[2]!) as Step[];
const [program, ...args] = process.argv.slice(3);
void run();

async function run(): Promise<void> {
  const running: ChildProcess[] = [];
  try {
    for (const step of steps) {
      const child = spawn(program!, [...args, step.file], { stdio: ["ignore", "pipe", "inherit"] });
      running.push(child);
      child.stdout.on("data", (bytes: Buffer) => console.log(JSON.stringify({ printed: bytes.toString() })));
      const answers: string[] = [];
      if (step.until !== undefined) await untilServed(step.until);
      while (answers.length < step.ask) answers.push(await served());
      console.log(JSON.stringify({ answers }));
      if (step.end) await end(child);
    }
  } finally {
    for (const child of running) child.kill("SIGKILL");
  }
}

function end(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.once("exit", () => resolve());
    child.kill("SIGKILL");
  });
}

async function untilServed(wanted: string): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while ((await served()) !== wanted) {
    if (performance.now() > deadline) throw new Error(`"${wanted}" was not served`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** The next answer that a server gave. Until targets are registered the balancer says that it has none. */
async function served(): Promise<string> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const answer = await fetchText().catch((error: Error) => `(${error.message})`);
    if (answer.startsWith("served")) return answer;
    if (performance.now() > deadline) throw new Error(`nothing was served; the last answer was ${answer}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function fetchText(): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = get({ host: "127.0.0.1", port: 3000, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (part: string) => {
        text += part;
      });
      response.on("end", () => resolve(text));
    });
    request.on("error", reject);
  });
}
