/** Whether every permit is there, and none twice: as many clients as may be served at once, and one more. */
import { setTimeout as delay } from "node:timers/promises";
import { until } from "../support/wait.ts";
import type { Life } from "./life.ts";
import { planOfRollCall } from "./plan.ts";
import { partedWithin } from "./quiet.ts";
import { capacity } from "./settings.ts";

/** Where there is no limit. */
const SOME = 20;
/** ms after which whoever should wait would have been served. */
const MOMENT_MS = 100;

export async function assertPermits(life: Life): Promise<void> {
  const { balancer, ledger, options, settings } = life;
  if (settings.idleTimeout > 0) return; // they would not be idle for so long
  const most = capacity(settings);
  let begun = 0;
  const begin = () => ledger.begin(planOfRollCall(begun++), balancer.port);
  const all = Array.from({ length: most ?? SOME }, begin);
  const served = () => all.filter(({ client, target }) => target !== null && client.received > 0).length;
  // Where many processes wait for a processor a connect may take longer than its time-out: who met that calls again.
  const callAgain = (): void => {
    for (const [i, { client, record }] of all.entries()) {
      if (record?.cause !== "connect-failed") continue;
      client.release();
      all[i] = begin();
    }
  };
  const everybody = () => {
    callAgain();
    return served() === all.length;
  };
  await until("everybody to be served", everybody).catch(() => {
    options.onWrong(`${served()} of ${all.length} were served that should be at once:\n  ${all.join("\n  ")}`);
  });
  const oneMore = begin();
  if (most !== null) {
    await delay(MOMENT_MS);
    if (oneMore.target !== null) options.onWrong(`one more than ${most} is served`);
    all[0]!.client.release();
    if (settings.queue > 0 && oneMore.client.over === false) {
      await until("the one that waits to be served", () => oneMore.target !== null || oneMore.record !== null);
      const { record } = oneMore;
      if (record !== null && record.cause !== "queue-timeout") options.onWrong(`${oneMore} should have been served`);
    }
  }
  for (const { client } of [...all, oneMore]) client.release();
  await partedWithin(life, "nothing");
}
