/** Starts the strangers, and the honest reporters among them: both in processes of their own. */
import { type Program, startScript } from "../program.ts";
import { until } from "../wait.ts";
import type { FloodPhase, FloodPlan } from "./flood-program.ts";
import type { HonestOutcome, HonestPlan, HonestStart } from "./honest-program.ts";

/** ms that a program may take to begin. */
const START_MS = 30_000;

/** Resolves when it is over. */
export async function flood(plan: FloodPlan): Promise<readonly FloodPhase[]> {
  const program = programOf("flood-program.ts", plan);
  await program.ended(plan.kinds.length * plan.seconds * 1_000 + START_MS);
  if (program.printed.length < plan.kinds.length) throw new Error(`the flood ended early: ${program.stderr}`);
  return program.printed as FloodPhase[];
}

export interface HonestReporters {
  /** What became of all that began before `until` (ms since 1970), and the end of the rest. */
  end(until: number): Promise<HonestOutcome[]>;
}

/** Resolves when the first one has been answered: one begins after the other from now on. */
export async function startHonestReporters(plan: HonestPlan): Promise<HonestReporters> {
  const program = programOf("honest-program.ts", plan);
  const lines = (): (HonestStart | HonestOutcome)[] => program.printed as (HonestStart | HonestOutcome)[];
  const outcomes = (): HonestOutcome[] => lines().filter((line) => "ms" in line);
  await until("the first honest reporter", () => outcomes().length > 0);
  return {
    async end(last) {
      const early = (line: HonestStart) => line.began < last;
      const begun = lines().filter((line) => early(line) && !("ms" in line)).length;
      await until("the last honest reporter", () => outcomes().filter(early).length === begun);
      await program.kill();
      return outcomes().filter(early);
    },
  };
}

function programOf(file: string, plan: object): Program {
  return startScript(`test/support/strangers/${file}`, [JSON.stringify(plan)]);
}
