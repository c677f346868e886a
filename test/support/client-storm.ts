/** Starts test/support/client-program.ts. */
import type { Outcome } from "./client-program.ts";
import { startScript } from "./program.ts";

export interface ClientStorm {
  /** Once all of them have been refused. */
  outcome(): Promise<Outcome>;
}

/** Resolves once each of them has been answered, and is on its way again. */
export async function startClients(port: number, clients = 64): Promise<ClientStorm> {
  const program = startScript("test/support/client-program.ts", [String(port), String(clients)]);
  await program.prints(0);
  return { outcome: () => program.prints(1) as Promise<Outcome> };
}
