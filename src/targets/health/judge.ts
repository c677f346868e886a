/** What several results of a check come to. */
import type { CheckPace, CheckResult } from "./check.ts";

export interface Judgement {
  /** `unknown`: it has neither passed yet, nor failed often enough. */
  readonly says: "unknown" | "up" | "down";
  /** Results in a row that speak against `says`. */
  readonly contrary: number;
}

export const UNJUDGED: Judgement = { says: "unknown", contrary: 0 };

/** The first pass is enough where nothing is known: nobody is served by a server that waits for a second one. */
export function judged({ says, contrary }: Judgement, ok: CheckResult["ok"], { rise, fall }: CheckPace): Judgement {
  if (ok === null) return { says, contrary };
  if (says === "unknown" ? ok : says === (ok ? "up" : "down")) return { says: ok ? "up" : "down", contrary: 0 };
  const against = contrary + 1;
  const enough = ok ? rise : fall;
  return against >= enough ? { says: ok ? "up" : "down", contrary: 0 } : { says, contrary: against };
}

/** Something may be about to change: it is asked more often until that is decided. */
export function isChanging({ says, contrary }: Judgement): boolean {
  return says === "unknown" || contrary > 0;
}
