/** What the balancer's program logs, and at which level. */
import type { Balancer } from "../app/balancer.ts";
import type { CloseRecord } from "../proxy/record.ts";
import { formatAddress } from "../util/address.ts";
import { messageOf } from "../util/errors.ts";
import { counted, type Log } from "./log.ts";
import { logTargetEvents } from "./target-log.ts";
import { targetTable } from "./target-table.ts";
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

function logStart(balancer: Balancer, log: Log): void {
  const clients = balancer.addresses.map(formatAddress);
  const reporters = balancer.adminAddresses.map(formatAddress);
  const engine = balancer.engine?.name;
  const tls = balancer.adminTls;
  for (const { name, reason } of balancer.engine?.passedOver ?? []) {
    log.info(`engine ${name} cannot run here: ${reason}`, { engine: name, reason });
  }
  log.info(
    `listening for clients on ${clients.join(", ")} and for reporters on ${reporters.join(", ")}${tls ? " with TLS" : ""} (engine ${engine})`,
    { clients, reporters, tls, engine },
  );
}

function connectionText(record: CloseRecord): string {
  const { client, target, bytesIn, bytesOut, durationMs, cause, endedBy, phase, requeues, tried } = record;
  const failed = tried.length === 0 ? "" : ` (${tried.map(failureText).join(", ")})`;
  const times = `${Math.round(durationMs)} ms, ${requeues} requeued${failed}`;
  const bytes = `${bytesIn} bytes in, ${bytesOut} out`;
  const from = formatAddress(client);
  return `connection ${from} → ${target ?? "nobody"}: ${cause} by ${endedBy} in ${phase}, ${bytes}, ${times}`;
}

/** Every target, and how many connections are open and waiting. */
export function logTargets(balancer: Balancer, log: Log): void {
  const targets = balancer.targets();
  const { active, waiting } = balancer.connections;
  const { panic } = balancer;
  const counts = `${counted(targets.length, "target")}, ${counted(active, "connection")}, ${waiting} waiting`;
  const marks = panic.map((pool) => `; pool ${pool} is in panic: none of its reporters is heard`).join("");
  log.info(`${counts}${marks}${targetTable(targets)}`, { targets, active, waiting, panic });
}
