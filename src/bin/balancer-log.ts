/** What the balancer's program logs, and at which level. */
import type { Balancer } from "../app/balancer.ts";
import type { CloseRecord } from "../proxy/record.ts";
import { formatAddress } from "../util/address.ts";
import { messageOf } from "../util/errors.ts";
import { counted, type Log } from "./log.ts";
import { logReloads } from "./reload-log.ts";
import { logTargetEvents } from "./target-log.ts";
import { poolTable, targetTable } from "./target-table.ts";
import { failureText } from "./tried-counter.ts";
import { UnavailableCounter } from "./unavailable-counter.ts";

/**
 * To be called before the balancer is ready. Connections are logged at `debug`, because at `info` a busy balancer would write
 * more than it moves. Those that got no target are counted and summed up at `warning`.
 */
export function logBalancer(balancer: Balancer, log: Log): void {
  const unavailable = new UnavailableCounter((text, facts) => log.warning(text, facts));
  balancer.on("listening", () => logStart(balancer, log));
  balancer.on("keyCreated", (hint) => log.info(hint));
  let before = 0;
  balancer.on("keysLoaded", ({ count, file, reporters, insecure }) => {
    if (insecure) log.warning("anyone who reaches the admin port may register a target, without a key (--insecure)");
    // That nobody has ever joined is no news, that the last one is out is some.
    if (reporters + before > 0) log.info(reportersText(reporters), { reporters });
    before = reporters;
    if (count === 0 && file === null) return; // no reporter needs one
    log.info(`${counted(count, "key")} loaded${file === null ? "" : ` from ${file}`}`, { count, file });
  });
  balancer.on("reporterJoined", (name, fingerprint) => {
    log.info(`reporter ${name} has joined by invitation (fingerprint ${fingerprint})`, { name, fingerprint });
  });
  balancer.on("reporterRotated", (name, fingerprint) => {
    log.info(`reporter ${name} exchanges its key (fingerprint of the new one ${fingerprint})`, { name, fingerprint });
  });
  balancer.on("certificateRenewed", () =>
    log.info("the admin port's certificate has changed, and is used from now on"),
  );
  logTargetEvents(balancer, log);
  logReloads(balancer, log);
  balancer.on("serviceOpened", (pool, port) => {
    log.info(`port ${port} is open for pool ${pool}, as a reporter has asked`, { pool, port });
  });
  balancer.on("serviceClosed", (pool, port) => {
    log.info(`port ${port} of pool ${pool} is closed: no target has asked for it for a while`, { pool, port });
  });
  balancer.on("rejected", ({ who, code, why }) => {
    log.warning(`rejected a reporter at ${who}: ${why}`, { reporter: who, code });
  });
  balancer.on("warning", (message, cause) => {
    log.warning(message, cause === undefined ? {} : { cause: messageOf(cause) });
  });
  balancer.on("connectionClose", (record) => {
    if (record.phase === "unavailable") unavailable.count(record);
    if (log.isDebug) log.debug(connectionText(record), { ...record });
  });
  balancer.on("close", () => {
    unavailable.flush();
    log.info("stopped");
  });
}

function reportersText(reporters: number): string {
  const theirs = reporters === 1 ? "a key of its own" : "keys of their own";
  return `${counted(reporters, "reporter")} may come with ${theirs}`;
}

/** Listeners that are named in one line of the log. */
const NAMED = 16;

function logStart(balancer: Balancer, log: Log): void {
  const listeners = balancer
    .pools()
    .flatMap(({ name, listeners: all }) =>
      all.flatMap(({ addresses }) => addresses.map((address) => ({ pool: name, address: formatAddress(address) }))),
    );
  const reporters = balancer.adminAddresses.map(formatAddress);
  const engine = balancer.engine?.name;
  const tls = balancer.adminTls;
  for (const { name, reason } of balancer.engine?.passedOver ?? []) {
    log.info(`engine ${name} cannot run here: ${reason}`, { engine: name, reason });
  }
  log.info(
    `listening for clients on ${listenersText(listeners)} and for reporters on ${reporters.join(", ")}${tls ? " with TLS" : ""} (engine ${engine})`,
    { clients: listeners.map(({ address }) => address), reporters, tls, engine },
  );
  const { apiPath } = balancer;
  if (apiPath !== null) log.info(`listening for commands on unix:${apiPath}`, { api: apiPath });
}

function listenersText(listeners: readonly { readonly pool: string; readonly address: string }[]): string {
  const isOne = new Set(listeners.map(({ pool }) => pool)).size === 1;
  const named = listeners.slice(0, NAMED).map(({ pool, address }) => (isOne ? address : `${address} (pool ${pool})`));
  const unnamed = listeners.length - named.length;
  return [...named, ...(unnamed > 0 ? [`and ${unnamed} more`] : [])].join(", ");
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
