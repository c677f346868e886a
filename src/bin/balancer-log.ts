/** What the balancer's program logs, and at which level. */
import type { Balancer } from "../app/balancer.ts";
import { linesOf, wordsOf } from "../app/words/index.ts";
import type { CloseRecord } from "../proxy/record.ts";
import { failureText } from "../telemetry/tried-counter.ts";
import { formatAddress } from "../util/address.ts";
import { counted } from "../util/counted.ts";
import type { Log, PartedLog } from "./log.ts";
import { PART_OF } from "./log-parts.ts";
import { poolTable, targetTable } from "./target-table.ts";

/**
 * To be called before the balancer is ready. Connections are logged at `debug`, because at `info` a busy balancer would write
 * more than it moves.
 */
export function logBalancer(balancer: Balancer, log: PartedLog): void {
  const words = wordsOf(balancer);
  for (const name of Object.keys(words) as (keyof typeof words)[]) {
    const part = PART_OF[name];
    const own = part === undefined ? log : log.part(part);
    balancer.on(name, (...args: readonly unknown[]) => {
      for (const { level, text, facts } of linesOf(words, name, args)) own[level](text, facts);
    });
  }
  const connections = log.part("connections");
  balancer.on("connectionClose", (record) => {
    if (connections.isDebug) connections.debug(connectionText(record), { ...record });
  });
  balancer.on("close", () => log.info("stopped"));
}

function connectionText(record: CloseRecord): string {
  const { client, pool, target, bytesIn, bytesOut, durationMs, cause, endedBy, phase, requeues, tried } = record;
  const failed = tried.length === 0 ? "" : ` (${tried.map(failureText).join(", ")})`;
  const times = `${Math.round(durationMs)} ms, ${requeues} requeued${failed}`;
  const bytes = `${bytesIn} bytes in, ${bytesOut} out`;
  const from = client.host === "" ? "a Unix socket" : formatAddress(client);
  return `connection ${from} → ${target ?? `nobody in pool ${pool}`}: ${cause} by ${endedBy} in ${phase}, ${bytes}, ${times}`;
}

/** Every target, and how many connections are open and waiting; by pool, where there are several. */
export function logTargets(balancer: Balancer, log: Log): void {
  const targets = balancer.targets();
  const pools = balancer.pools().map(({ name, origin, active, waiting }) => ({ name, origin, active, waiting }));
  const { active, waiting } = balancer.connections;
  const { panic } = balancer;
  const counts = `${counted(targets.length, "target")}, ${counted(active, "connection")}, ${waiting} waiting`;
  const marks = panic.map((pool) => `; pool ${pool} is in panic: none of its reporters is heard`).join("");
  const text = `${counts}${marks}${poolTable(pools)}${targetTable(targets)}`;
  log.info(text, { targets, active, waiting, panic, pools });
}
