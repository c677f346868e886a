/** Balancers of one group that keep clients on targets, which all of them know. */
import { Pool } from "../../src/pool/pool.ts";
import { type Balancer, type BalancerOptions, reporterAt, World } from "./world.ts";

/** ms that a binding outlives its last use. */
export const IDLE = 600_000;
export const TARGETS = 5;
/** ms after which balancers are no newcomers any more. */
const SETTLED = 12_000;
/** All that a test file has made. */
export const worlds: World[] = [];

/** By which the pools of a test draw: none of them picks as another one would. */
let seed = 1;

/** What reporters have said once holds throughout. */
export const OPTIONS: Partial<BalancerOptions> = {
  poolOf: (name) =>
    Pool.create({ name, algorithm: "random", persistent: IDLE, concurrency: -1, queue: 0, seed: seed++ }),
  lease: 10 * IDLE,
};

/** For `after()`. */
export function closeWorlds(): void {
  for (const world of worlds) world.close();
}

export function worldOf(): World {
  const world = new World();
  worlds.push(world);
  return world;
}

export interface StickyGroup {
  readonly world: World;
  readonly all: Balancer[];
}

/** So many balancers that all know the same targets, `ms` after these have come. */
export async function groupOf(
  names: readonly string[],
  options: Partial<BalancerOptions> = OPTIONS,
  ms: number = SETTLED,
): Promise<StickyGroup> {
  const world = worldOf();
  const all: Balancer[] = [];
  for (const name of names) all.push(await world.start(name, options));
  // To the last, which is there for as long as any.
  for (let n = 1; n <= TARGETS; n++) await all.at(-1)!.report(reporterAt(`10.0.0.${n}`));
  await world.pass(ms);
  return { world, all };
}
