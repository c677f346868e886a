/** Which connections are ended for the sake of others: of each target those that have been idle for longest. */
import type { Engine } from "../../engines/engine.ts";
import { Best } from "../../util/best.ts";
import { inSlices } from "../../util/slices.ts";

/** By target the ids, the idlest last. */
export type Victims = ReadonlyMap<string, string[]>;

interface Candidate {
  readonly id: string;
  readonly idleMs: number;
}

/** `excess`: of each target, how many may be ended; `most`: of each target, how many are wanted. None that came after `before`. */
export async function victimsOf(
  engine: Pick<Engine, "connections">,
  pool: string,
  before: number,
  excess: ReadonlyMap<string, number>,
  most: number,
): Promise<Victims> {
  const idlest = new Map(
    [...excess].map(([target, count]) => [
      target,
      new Best<Candidate>((a, b) => b.idleMs - a.idleMs, Math.min(count, most)),
    ]),
  );
  await inSlices(engine.connections(), ({ acceptedAt, ageMs, id, idleMs, phase, pool: of, target }) => {
    if (of !== pool || phase !== "relay" || acceptedAt > before || target === null) return;
    idlest.get(target)?.add({ id, idleMs: idleMs ?? ageMs });
  });
  return new Map([...idlest].map(([target, best]) => [target, [...best.lastToFirst()].map(({ id }) => id)]));
}

export function holdsAny(victims: Victims, excess: ReadonlyMap<string, number>): boolean {
  return [...excess.keys()].some((target) => (victims.get(target)?.length ?? 0) > 0);
}

/** Takes `most` of them, of those first that have the most above their share, and of each in proportion to that. */
export function take(victims: Victims, excess: ReadonlyMap<string, number>, most: number): string[] {
  const above = [...excess].sort(([, a], [, b]) => b - a);
  const all = above.reduce((sum, [, count]) => sum + count, 0);
  const taken: string[] = [];
  for (const [target, count] of above) {
    const ids = victims.get(target) ?? [];
    const part = Math.min(count, Math.max(1, Math.round((most * count) / all)), most - taken.length);
    for (let left = part; left > 0 && ids.length > 0; left--) taken.push(ids.pop()!);
  }
  return taken;
}
