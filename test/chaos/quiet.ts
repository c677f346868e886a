/** What must be true when everybody has gone. */
import { setTimeout as delay } from "node:timers/promises";
import { until } from "../support/wait.ts";
import type { Fate } from "./conversation.ts";
import type { Life } from "./life.ts";

/** ms. Longer than any plan lasts, and any time-out: what is still there then stays. */
const PARTING_MS = 30_000;
/** ms in which the last records come. */
const RECORDS_MS = 10_000;
/** Per thread (src/engines/linux/shared/mailbox.ts), two ends each. */
const PIPE_ENDS = 2 * 64;
/** MiB that a balancer may have grown by what it once held: buffers that are kept, and what a garbage collector has not got round to. */
const GROWTH_MIB = 200;

/** Waits until all conversations are over, and judges them. `met`: what the balancer met with meanwhile. */
export async function partedWithin({ ledger, options }: Life, met: Fate): Promise<void> {
  const left = () => ledger.all.filter(({ over }) => !over);
  await until("the conversations' end", () => left().length === 0, PARTING_MS).catch(() => {
    const stuck = left();
    options.onWrong(
      `${stuck.length} conversations do not end, the first of them:\n  ${stuck.slice(0, 5).join("\n  ")}`,
    );
    for (const { client, target } of stuck) {
      client.crash();
      target?.crash();
    }
  });
  await delay(0); // sockets' last events
  const unrecorded = () => ledger.all.some(({ connected, late, record }) => connected && !late && record === null);
  if (met === "nothing") await until("the last records", () => !unrecorded(), RECORDS_MS).catch(() => undefined);
  ledger.judge(met);
}

export async function assertQuiet(life: Life): Promise<void> {
  const { balancer, baseline, ledger, options, settings, targets } = life;
  if (balancer.exit) throw new Error(`the balancer has ended by itself: ${JSON.stringify(balancer.exit)}`);
  for (const { name, reporter } of targets) {
    if (reporter?.exit) throw new Error(`the reporter of ${name} has ended by itself:\n${reporter.last.join("\n")}`);
  }
  let table = await balancer.table();
  await until("the balancer to be quiet, with all targets up", async () => {
    table = await balancer.table();
    const calm = table.targets.every(({ active, state }) => active === 0 && state === "up");
    return calm && table.active === 0 && table.waiting === 0 && table.targets.length === targets.length;
  }).catch((error: Error) => {
    throw new Error(`${error.message}: ${JSON.stringify(table)}`);
  });

  for (const { identity, total, bytesIn, bytesOut } of table.targets) {
    const sum = ledger.sums.get(identity) ?? { connections: 0, bytesIn: 0, bytesOut: 0 };
    const same = total === sum.connections && bytesIn === sum.bytesIn && bytesOut === sum.bytesOut;
    if (!same && !balancer.hasLeft.has(identity)) {
      const counts = JSON.stringify({ connections: total, bytesIn, bytesOut });
      options.onWrong(`${identity} counts ${counts}, and its records add up to ${JSON.stringify(sum)}`);
    }
  }

  let now = balancer.descriptors();
  const settled = () => {
    now = balancer.descriptors();
    return now.sockets <= baseline.sockets && now.others <= baseline.others;
  };
  await until("descriptors to be given back", settled).catch(() => {
    const those = `${JSON.stringify(now)} instead of ${JSON.stringify(baseline)}`;
    options.onWrong(`descriptors were not given back: ${those}; its sockets:\n  ${balancer.sockets().join("\n  ")}`);
  });
  // The first look may have met connections that were on their way out.
  if (now.sockets < baseline.sockets) life.baseline = { ...baseline, sockets: now.sockets };
  if (now.pipes > baseline.pipes + PIPE_ENDS * settings.threads) options.onWrong(`${now.pipes} ends of pipes`);
  const memory = balancer.residentMemory();
  life.leastMemory = Math.min(life.leastMemory, memory);
  if (memory > life.leastMemory + GROWTH_MIB)
    options.onWrong(`${Math.round(memory)} MiB, and it was ${Math.round(life.leastMemory)}`);
}
