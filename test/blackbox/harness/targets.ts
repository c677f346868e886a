/** Starts test/blackbox/harness/target.ts. */
import { runtime } from "#runtime";
import { type Program, startScript } from "./program.ts";
import { waitFor } from "./wait.ts";

export interface TargetProcess {
  readonly program: Program;
  readonly port: number;
}

export async function startTarget(mode: "http" | "stream" | "full", name = "", port = 0): Promise<TargetProcess> {
  const program = startScript("test/blackbox/harness/target.ts", [mode, name, String(port)]);
  const line = await waitFor(`the port of target ${name}`, () => {
    if (program.exit) throw new Error(`the target ended: ${program.stderr}`);
    return /^\d+$/m.exec(program.stdout)?.[0];
  });
  return { program, port: Number(line) };
}

/** Different ports that were free just now. */
export async function freePorts(count: number): Promise<number[]> {
  const listen = () => runtime.listen({ host: "127.0.0.1", port: 0 }, (connection) => connection.abort());
  const listeners = await Promise.all(Array.from({ length: count }, listen));
  await Promise.all(listeners.map((listener) => listener.close()));
  return listeners.map((listener) => listener.address.port);
}
