/** What a store does not take, as one that is full: a reason to say so, and none to give up what can still be read. */
import { HarmonyError } from "../util/errors.ts";
import type { GroupStore, Texts } from "./store.ts";

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

/** What all have said before; where the store does not take what is said now, they are heard all the same. */
export async function sayOrHear(
  store: GroupStore,
  id: string,
  word: string,
): Promise<{ readonly before: Texts; readonly refused: HarmonyError | null }> {
  const said: Texts[] = [];
  const refused = await refusalIn(async () => said.push(await store.say(id, word)));
  return { before: said[0] ?? (await store.words()), refused };
}
