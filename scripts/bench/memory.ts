/**
 * What a form's processes take: at rest, and for connections that are idle.
 *
 * "Own" memory is anonymous memory (`Anonymous` of smaps_rollup): heaps, stacks, shared arrays. All memory (`Rss`) also has the
 * pages of the program's file and of libraries that have been touched, which the kernel may drop and which other processes of
 * the same program share. What the kernel itself keeps for sockets is in neither, and alike for all.
 *
 * What idle connections take is the growth of own memory, divided by their number. How much that is depends on what the process
 * has done before. A connection of Harmony's linux engine has a slot of 256 bytes and nothing else. But the first load that a
 * process has, whatever it is, makes its heap grow by some megabytes that are there once: objects that wait for the collector,
 * compiled code. In a fresh process the first connections pay for that as well, in one that has had load they find room. So both
 * are measured, and connections that were opened and never used besides.
 */
import type { Socket } from "node:net";
import type { Form } from "./forms.ts";
import { idle, wrk } from "./load.ts";
import { cpuMicros, delay, hardDescriptorLimit, memory, tree } from "./process.ts";
import { add, launch, type Subject, shut } from "./subject.ts";

/** 10,000, or what the hard descriptor limit leaves: a balancer needs two descriptors a connection. */
export const IDLE_CONNECTIONS: number = Math.min(10_000, Math.floor((hardDescriptorLimit() - 1000) / 2));

const SETTLE = 3000; // ms: buffers of the last answers are given back, garbage collectors have run
const WATCH = 5000; // ms over which idle CPU is measured
const LOAD = 5; // seconds, of connections and of requests each

export async function measureMemory(form: Form, target: number): Promise<Record<string, number[]>> {
  const values: Record<string, number[]> = {};
  await inFresh(form, target, async (subject) => {
    await growth(subject, false, values, "idleNeverUsed");
  });
  await inFresh(form, target, async (subject) => {
    const pids = tree(subject.balancer.child.pid!);
    add(values, "restMemory", memory(pids, "Rss") / 1e6);
    add(values, "restAnonymous", memory(pids, "Anonymous") / 1e6);
    await growth(subject, true, values, "idleFresh", async () => {
      const cpu = cpuMicros(pids);
      await delay(WATCH);
      add(values, "idleCpu", ((cpuMicros(pids) - cpu) / 1000 / WATCH) * 100);
    });
  });
  await inFresh(form, target, async (subject) => {
    await wrk(form.port, LOAD, true);
    await wrk(form.port, LOAD, false);
    await growth(subject, true, values, "idleAfterLoad");
  });
  return values;
}

async function inFresh(form: Form, target: number, work: (subject: Subject) => Promise<void>): Promise<void> {
  const subject = await launch(form, target);
  try {
    await delay(SETTLE);
    await work(subject);
  } finally {
    await shut(subject);
  }
}

async function growth(
  { form, balancer }: Subject,
  used: boolean,
  values: Record<string, number[]>,
  key: string,
  meanwhile?: () => Promise<void>,
): Promise<void> {
  const pids = tree(balancer.child.pid!);
  await delay(SETTLE);
  const before = memory(pids, "Anonymous");
  let sockets: Socket[] = [];
  try {
    sockets = await idle(form.port, IDLE_CONNECTIONS, used);
    await delay(SETTLE);
    add(values, key, (memory(pids, "Anonymous") - before) / IDLE_CONNECTIONS);
    await meanwhile?.();
  } finally {
    for (const socket of sockets) socket.destroy();
  }
}
