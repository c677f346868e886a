/** Starts test/support/target-program.ts. */
import { type Program, startScript } from "./program.ts";
import { until } from "./wait.ts";

export interface TargetProcess {
  readonly program: Program;
  readonly port: number;
}

export async function startTarget(mode: "http" | "stream" | "full", name = "", port = 0): Promise<TargetProcess> {
  const program = startScript("test/support/target-program.ts", [mode, name, String(port)]);
  const line = await until(`the port of target ${name}`, () => {
    if (program.exit) throw new Error(`the target ended: ${program.stderr}`);
    return /^\d+$/m.exec(program.stdout)?.[0];
  });
  return { program, port: Number(line) };
}
