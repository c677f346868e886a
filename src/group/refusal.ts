/** What a store does not take, as one that is full: a reason to say so, and none to give up what can still be read. */
import { HarmonyError } from "../util/errors.ts";
import type { GroupStore, Texts } from "./store.ts";

/** null: it was refused. Rejects with all that is no refusal. */
export async function unlessRefused<T>(
  work: () => Promise<T>,
  onRefused: (why: HarmonyError) => void = () => undefined,
): Promise<T | null> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof HarmonyError) || error.code !== "GROUP_REFUSED") throw error;
    onRefused(error);
    return null;
  }
}

/** Gives why it was refused; null: it was not. */
export async function refusalIn(work: () => Promise<unknown>): Promise<HarmonyError | null> {
  let refused: HarmonyError | null = null;
  await unlessRefused(work, (why) => {
    refused = why;
  });
  return refused;
}

/** What all have said before; where the store does not take what is said now, they are heard all the same. */
export async function sayOrHear(
  store: GroupStore,
  id: string,
  word: string,
): Promise<{ readonly before: Texts; readonly refused: HarmonyError | null }> {
  let refused: HarmonyError | null = null;
  const said = await unlessRefused(
    () => store.say(id, word),
    (why) => {
      refused = why;
    },
  );
  return { before: said ?? (await store.words()), refused };
}
