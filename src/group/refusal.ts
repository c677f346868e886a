/** What a store does not take, as one that is full: a reason to say so, and none to give up what can still be read. */
import { HarmonyError } from "../util/errors.ts";

/** Gives why it was refused; null: it was not. Rejects with all that is no refusal. */
export async function refusalIn(work: () => Promise<unknown>): Promise<HarmonyError | null> {
  try {
    await work();
    return null;
  } catch (error) {
    if (error instanceof HarmonyError && error.code === "GROUP_REFUSED") return error;
    throw error;
  }
}
