/** What the balancer's program logs about its targets, and at which level. */
import type { Balancer } from "../app/balancer.ts";
import { meaningOf, type NetCode } from "../net/net-error.ts";
import type { PanicStart } from "../targets/report.ts";
import { formatAddress } from "../util/address.ts";
import type { Log } from "./log.ts";

const DOWN = {
  "lease-expired": "it has not reported in time",
  refused: "its reporter is gone and it refuses connections",
  reported: "its reporter says so",
};
const LEFT = {
  leave: "its reporter said goodbye",
  moved: "its reporter speaks for another target now",
  rejected: "its reporter was rejected",
  revoked: "its key is no longer accepted",
  forgotten: "it was down for too long",
  undeclared: "neither the configuration nor the DNS names it any more",
  "pool-removed": "its pool has been removed",
};

const SOURCES = {
  registered: "registered by its reporter",
  static: "named by the configuration",
  dns: "named by the DNS",
};

const CHECK_SERVER =
  "does the server run, listen on that port (its reporter's --port), and on more than its own localhost?";
const CHECK_WAY =
  "does a firewall keep the balancer out, or is the server at another address (its reporter's --advertise)?";

export function logTargetEvents(balancer: Balancer, log: Log): void {
  balancer.on("targetUp", ({ identity, address, weight }) => {
    const where = formatAddress(address);
    log.info(`target ${identity} is up at ${where}, weight ${weight}`, { target: identity, address: where, weight });
  });
  balancer.on("targetSuspect", ({ identity, address }, { code, isNew }) => {
    const where = formatAddress(address);
    const failure = meaningOf(code);
    const text = isNew
      ? `target ${identity} cannot be connected to yet, at ${where} (${failure}): ${hintFor(code)} Until it accepts, others are picked first`
      : `target ${identity} is suspect: connecting to ${where} failed (${failure}); until it accepts again, others are picked first`;
    log.warning(text, { target: identity, address: where, code, new: isNew });
  });
  balancer.on("targetRecovered", ({ identity }, ms) => {
    log.info(`target ${identity} accepts connections again, after ${seconds(ms)}`, { target: identity, ms });
  });
  balancer.on("targetDown", ({ identity }, reason) => {
    log.warning(`target ${identity} is down: ${DOWN[reason]}`, { target: identity, reason });
  });
  balancer.on("targetDrain", ({ identity }) => {
    log.info(`target ${identity} drains: it gets no new connections`, { target: identity });
  });
  balancer.on("targetTakenOver", ({ identity }, by, from) => {
    const facts = { target: identity, by: formatAddress(by), from: formatAddress(from) };
    log.warning(
      `two reporters announce target ${identity}: the one at ${facts.by} has taken it over from the one at ${facts.from}`,
      facts,
    );
  });
  balancer.on("targetLeave", ({ identity }, reason) => {
    log.info(`target ${identity} has left: ${LEFT[reason]}`, { target: identity, reason });
  });
  balancer.on("targetSources", ({ identity }, sources) => {
    log.info(`target ${identity} stays: it is ${sources.map((each) => SOURCES[each]).join(" and ")}`, {
      target: identity,
      sources: sources.join(","),
    });
  });
  balancer.on("reporterLost", ({ identity }, { reporter, leaseMs }) => {
    const from = formatAddress(reporter);
    log.warning(
      `the connection with the reporter of target ${identity}, at ${from}, was lost without a goodbye: the target is probed until its reporter is back, and is down if it refuses, or in ${seconds(leaseMs)}, when its last report counts no more`,
      { target: identity, reporter: from, leaseMs },
    );
  });
  balancer.on("panicStart", (pool, start) => {
    const { silentMs, targets: silent, accepting } = start;
    log.error(panicText(balancer, pool, start), { pool, silentMs, silent, accepting });
  });
  balancer.on("panicEnd", (pool, ms) => {
    log.warning(
      `pool ${pool} is no longer in panic, after ${seconds(ms)}: a reporter has been heard again, and targets whose reporter has not are out`,
      { pool, ms },
    );
  });
}

function panicText(balancer: Balancer, pool: string, { silentMs, targets, accepting }: PanicStart): string {
  const served =
    accepting === 0
      ? `None of the ${targets} targets that they spoke for accepts connections; one that does again is served`
      : `Served without knowing their health, while they accept connections: ${accepting} of the ${targets} targets that they spoke for`;
  const admin = balancer.adminAddresses.map(formatAddress).join(", ");
  return (
    `pool ${pool} is in panic: none of its reporters has been heard for ${seconds(silentMs)}, all fell silent at once. ` +
    `${served}. Probably the network or a firewall keeps reporters from ${admin}: look into their logs, and do not restart this ` +
    "balancer before they get through, since a new one knows no targets"
  );
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}

function hintFor(code: NetCode): string {
  return code === "ECONNREFUSED" ? CHECK_SERVER : CHECK_WAY;
}
