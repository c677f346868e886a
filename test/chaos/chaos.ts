/**
 * Chaos on one form of the programs: a balancer and reporters as processes, clients and targets in this one, and a model of
 * what must never be. `MINUTES` says how long; `SEED` begins with the life of that seed. What everybody does, and when, follows
 * from the seed; how the kernel and the machine interleave it does not, so that a replay makes the same things happen, and a
 * fault that needs a race may take several.
 */
import { Random } from "../support/kernel/random.ts";
import { Life } from "./life.ts";

export interface ChaosOptions {
  readonly seed: number;
  readonly ms: number;
  readonly roundMs: number;
  readonly crowd: number;
  readonly say: (text: string) => void;
}

/** Why there is none here; false where it can be had. */
export function whyNoChaos(): string | false {
  return process.platform !== "linux" && "what a process holds is read from /proc, which Linux has";
}

/** What was wrong; it ends with the first life in which something was. */
export async function chaos({ seed, ms, roundMs, crowd, say }: ChaosOptions): Promise<string[]> {
  const wrong: string[] = [];
  const onWrong = (what: string): void => {
    wrong.push(what);
    say(`WRONG: ${what}`);
  };
  // Deno's own sockets cannot send a reset (ARCHITECTURE.md).
  const resets = !(process.env.HARMONY_TEST_FORM === "deno" && process.env.HARMONY_TEST_ENGINE === "portable");
  const deadline = performance.now() + ms;
  const over = () => performance.now() > deadline || wrong.length > 0;
  for (let next = seed; !over(); next = new Random(next).word()) {
    await new Life({ seed: next, roundMs, crowd, resets, onWrong, say }).run(over);
  }
  return wrong;
}
