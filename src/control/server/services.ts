/** Services that reporters bring with their targets: pools that nobody has defined, and the ports that are opened for them. */
import type { Asking, Report } from "../../targets/report.ts";

/** A report that asks for a port to be opened for its pool. */
export type BringingReport = Report & { readonly listen: number };

/** For whom a service is brought. */
export interface Bringer {
  /** The id of its key. */
  readonly key: string;
  /** Ports that all holders of the key together may have opened at once. */
  readonly ports: number;
}

/** Who carries it out. */
export interface Services {
  /** How many there are now. */
  readonly size: number;
  /**
   * Makes what the report asks for, which its key allows, and resolves when clients can connect there: the pool where there is none, and
   * its listener. Rejects with HarmonyError where that cannot be. The report is judged after that, and may be refused still.
   */
  bring(report: BringingReport, by: Bringer): Promise<void>;
  /**
   * What the registered targets ask for, those first that came first; to be told every SERVICES_MS while there are services. What
   * nobody asks for any more goes some time later.
   */
  look(asking: readonly Asking[]): void;
}

/** ms between looks at who still asks for the services: nothing to a process, and soon enough for what lasts minutes. */
export const SERVICES_MS = 1_000;

export function isBringing(report: Report): report is BringingReport {
  return report.listen !== undefined;
}
