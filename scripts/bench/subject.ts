/** A balancer under measurement, with its reporter if it is Harmony. */
import { countInstructions, missingCounters } from "./counters.ts";
import { BULK_PORT, type Form, reporterCommand } from "./forms.ts";
import { bulk, type Outcome } from "./load.ts";
import { cpuMicros, delay, type Running, start, stop, tree } from "./process.ts";

export interface Subject {
  readonly form: Form;
  readonly balancer: Running;
  readonly reporter: Running | null;
  readonly values: Record<string, number[]>;
}

const SERVES_DEADLINE = 10_000; // ms; a reporter registers within one

const noCounters = missingCounters();

/** Returns once something gets through to the backend, which listens on `target`. */
export async function launch(form: Form, target: number): Promise<Subject> {
  const balancer = await start(form.command, form.env, form.port);
  const reporter =
    form.adminPort === undefined
      ? null
      : await start(reporterCommand(form, form.adminPort, target), form.env, form.port);
  const values: Record<string, number[]> = {};
  add(values, "start", balancer.ready);
  const deadline = Date.now() + SERVES_DEADLINE;
  while (!(await serves(form.port, target))) {
    if (Date.now() > deadline) throw new Error(`${form.name} serves nothing`);
    await delay(100);
  }
  return { form, balancer, reporter, values };
}

async function serves(port: number, target: number): Promise<boolean> {
  try {
    if (target === BULK_PORT) return (await bulk(port, 1, 1 << 20, "up")) > 0;
    return (await fetch(`http://127.0.0.1:${port}/`, { headers: { connection: "close" } })).ok;
  } catch {
    return false; // not yet: there is no target
  }
}

export async function shut({ balancer, reporter }: Subject): Promise<void> {
  if (reporter) await stop(reporter);
  await stop(balancer);
}

export function add(values: Record<string, number[]>, key: string, value: number): void {
  const list = values[key] ?? [];
  list.push(value);
  values[key] = list;
}

/** CPU and, where counted, instructions of a load, per unit of its work. */
export async function perUnit(subject: Subject, key: string, load: () => Promise<Outcome>): Promise<Outcome> {
  const pids = tree(subject.balancer.child.pid!);
  const before = cpuMicros(pids);
  const [outcome, instructions] = noCounters ? ([await load(), null] as const) : await countInstructions(pids, load);
  add(subject.values, `${key}Cpu`, (cpuMicros(pids) - before) / outcome.requests);
  add(subject.values, "errors", outcome.errors);
  if (instructions) {
    add(subject.values, `${key}InstructionsUser`, instructions.user / outcome.requests);
    add(subject.values, `${key}InstructionsKernel`, instructions.kernel / outcome.requests);
    add(subject.values, `${key}Instructions`, (instructions.user + instructions.kernel) / outcome.requests);
  }
  return outcome;
}
