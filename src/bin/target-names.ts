/** What an operator calls a target: its name, the end of it that no other has, or a pattern. */

import type { Target } from "../admin/api/schemas/targets.ts";
import type { ApiClient } from "../admin/client.ts";
import { HarmonyError } from "../util/errors.ts";

export const ONE_TARGET = {
  name: "TARGET",
  help: "a target: pool/id, as harmony-balancer targets shows it, or an end of that which no other one has, or a pattern: 'web/*'",
  names: "target",
} as const;
export const TARGET = { ...ONE_TARGET, several: true } as const;

/** How many names a message lists. */
const LISTED = 5;

/** Rejects with `NO_TARGET` for a word that means none, and with `AMBIGUOUS` for one that means several without being a pattern. */
export async function targetsCalled(client: ApiClient, words: readonly string[]): Promise<Target[]> {
  const { items } = await client.get<{ items: Target[] }>("/v1/targets");
  return allCalled(words, items);
}

/** In the order of `targets`, each once. Throws as targetsCalled() rejects. */
export function allCalled<T extends Pick<Target, "id" | "address">>(
  words: readonly string[],
  targets: readonly T[],
): T[] {
  const found = new Set(words.flatMap((word) => called(word, targets)));
  return targets.filter((target) => found.has(target));
}

/** As targetsCalled(), where only one will do. */
export async function oneTargetCalled(client: ApiClient, word: string): Promise<Target> {
  const [target, ...others] = await targetsCalled(client, [word]);
  if (others.length > 0) throw ambiguous(word, [target!, ...others]);
  return target!;
}

function called<T extends Pick<Target, "id" | "address">>(word: string, targets: readonly T[]): T[] {
  const matching = /[*?]/.test(word) ? byPattern(word, targets) : byEnd(word, targets);
  if (matching.length > 0) return matching;
  throw new HarmonyError("NO_TARGET", `no target is called ${word}: harmony-balancer targets lists them`, {
    fault: "config",
  });
}

/** `*` is any text, `?` any sign; one without a pool means those of any. */
function byPattern<T extends Pick<Target, "id">>(word: string, targets: readonly T[]): T[] {
  const source = word
    .replace(/[\\^$.+()[\]{}|]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  const pattern = new RegExp(`^${word.includes("/") ? "" : "[^/]*/"}${source}$`, "s");
  return targets.filter(({ id }) => pattern.test(id));
}

/** The nearest sense of the word in which there is any. */
function byEnd<T extends Pick<Target, "id" | "address">>(word: string, targets: readonly T[]): T[] {
  const senses: ((target: T) => boolean)[] = [
    ({ id }) => id === word,
    ({ id }) => id.slice(id.indexOf("/") + 1) === word,
    ({ address }) => address === word,
    ({ id }) => id.endsWith(word),
  ];
  for (const sense of senses) {
    const found = targets.filter(sense);
    if (found.length > 1) throw ambiguous(word, found);
    if (found.length === 1) return found;
  }
  return [];
}

function ambiguous(word: string, found: readonly Pick<Target, "id">[]): HarmonyError {
  const names = found.slice(0, LISTED).map(({ id }) => id);
  const rest = found.length > LISTED ? ` and ${found.length - LISTED} more` : "";
  return new HarmonyError(
    "AMBIGUOUS",
    `${word} may be ${names.join(", ")}${rest}: say which; where several will do, a pattern such as '*${word.replaceAll("*", "")}' means all`,
    { fault: "config" },
  );
}
