/**
 * Runs examples and asks the balancer on port 3000, all on one machine: `run-examples.ts '[{"file":…,"ask":N}…]' COMMAND…`.
 * Prints a JSON line with the answers per file, and one for what an example prints. COMMAND runs a file.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { httpGet } from "../support/http.ts";
import { until } from "../support/wait.ts";

interface Step {
  readonly file: string;
  /** Answers to fetch once it runs, one after the other, each on a connection of its own: until this one came, … */
  readonly until?: string;
  /** … and then so many, … */
  readonly ask: number;
  /** … which are fetched again and again until all of them are this one. */
  readonly settlesAt?: string;
  /** Whether it is ended before the next one starts. */
  readonly end?: boolean;
}

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
      if (step.until !== undefined) await served(step.until);
      const answers = await until(`answers like ${step.settlesAt}`, () => ask(step));
      console.log(JSON.stringify({ answers }));
      if (step.end) await end(child);
    }
  } finally {
    for (const child of running) child.kill("SIGKILL");
  }
}

/** Null: they are not yet as they should be. */
async function ask({ ask, settlesAt }: Step): Promise<string[] | null> {
  const answers: string[] = [];
  while (answers.length < ask) {
    answers.push(await served());
    if (settlesAt !== undefined && answers.at(-1) !== settlesAt) return null;
  }
  return answers;
}

function end(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.once("exit", () => resolve());
    child.kill("SIGKILL");
  });
}

/** The next answer that a server gave. Until targets are registered the balancer says that it has none, which is not HTTP. */
async function served(wanted = "served"): Promise<string> {
  return until(`"${wanted}" on port 3000`, async () => {
    const answer = await httpGet(3000, "/").catch(() => "");
    return answer.startsWith(wanted) && answer;
  });
}
