/** One scenario in front of one balancer. */
import { Host } from "./host.ts";
import type { Scenario } from "./scenarios.ts";
import type { Subject } from "./subjects.ts";
import { type Answer, ask, delay, Traffic } from "./traffic.ts";
import { BACK_MS, FAULT_MS, HOSTS, REQUESTS, WARM_UP_REQUESTS } from "./world.ts";

export interface Result {
  /** Of REQUESTS. */
  readonly failed: number;
  /** ms from the fault until nobody was given to the target any more; null where that did not come while it lasted. */
  readonly out: number | null;
  /** ms from the end of the fault until it served again; null where it did not. */
  readonly back: number | null;
}

/** ms without a failed request after which the target is out. One that is tried again, one connection at a time, is out. */
const QUIET_MS = 1_000;
const SERVES_MS = 20_000;

export async function run(subject: Subject, scenario: Scenario, folder: string): Promise<Result> {
  const hosts = await Promise.all(Array.from({ length: HOSTS }, (_, index) => Host.start(index + 1)));
  try {
    const balancer = await subject.start(hosts, scenario, folder);
    try {
      await allServe(hosts);
      return await measure(hosts[0]!, scenario);
    } finally {
      await balancer.end();
    }
  } finally {
    await Promise.all(hosts.map((host) => host.end()));
  }
}

async function allServe(hosts: readonly Host[]): Promise<void> {
  const seen = new Set<string | null>();
  const deadline = performance.now() + SERVES_MS;
  for (let count = 1; !hosts.every(({ name }) => seen.has(name)); count++) {
    if (performance.now() > deadline) throw new Error(`only ${[...seen].join(", ")} serve`);
    seen.add((await ask(`127.0.2.${1 + (count % 250)}`, 1_000)).by);
  }
}

async function measure(host: Host, scenario: Scenario): Promise<Result> {
  const traffic = new Traffic();
  await traffic.send(WARM_UP_REQUESTS, scenario.patience);
  scenario.begin(host);
  const begun = performance.now();
  if (process.env.VERBOSE) console.log("The fault begins.");
  let finished = Number.POSITIVE_INFINITY;
  let back: number | null = null;
  const look = ({ at, by }: Answer) => {
    if (by === host.name && at > finished) back ??= performance.now() - finished;
  };
  const heal = delay(FAULT_MS).then(() => {
    scenario.finish(host);
    if (process.env.VERBOSE) console.log("The fault is over.");
    finished = performance.now();
  });
  const answers = await traffic.send(REQUESTS, scenario.patience, look);
  await heal;
  while (back === null && performance.now() < finished + BACK_MS) await traffic.send(10, scenario.patience, look);
  const failures = answers.filter(({ by }) => by === null);
  return { failed: failures.length, out: outAfter(failures, begun, finished), back };
}

/** Times on the clock of performance.now(). */
export function outAfter(failures: readonly Answer[], begun: number, finished: number): number | null {
  let last = begun;
  for (const { at } of failures) {
    if (at - last > QUIET_MS) break;
    last = at;
  }
  return finished - last > QUIET_MS ? last - begun : null;
}
