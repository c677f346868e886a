/** What the balancer's program logs about its targets, and at which level. */
import type { Balancer } from "../app/balancer.ts";
import { meaningOf, type NetCode } from "../net/net-error.ts";
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
  forgotten: "it was down for too long",
};

const CHECK_SERVER = "does the server run, listen on that port (--port), and on more than its own localhost?";
const CHECK_WAY = "does a firewall keep the balancer out, or is the server at another address (--advertise)?";

export function logTargetEvents(balancer: Balancer, log: Log): void {
  balancer.on("targetUp", ({ identity, address, weight }) => {
    const where = formatAddress(address);
    log.info(`target ${identity} is up at ${where}, weight ${weight}`, { target: identity, address: where, weight });
  });
  balancer.on("targetSuspect", ({ identity, address }, { code, isNew }) => {
    const where = formatAddress(address);
    const failure = `${code}, ${meaningOf(code)}`;
    const text = isNew
      ? `target ${identity} has registered, but cannot be connected to at ${where} (${failure}): ${hintFor(code)} Until it accepts, others are picked first`
      : `target ${identity} is suspect: connecting to ${where} failed (${failure}); until it accepts again, others are picked first`;
    log.warning(text, { target: identity, address: where, code, new: isNew });
  });
  balancer.on("targetRecovered", ({ identity }, ms) => {
    const seconds = (ms / 1_000).toFixed(1);
    log.info(`target ${identity} accepts connections again, after ${seconds} s`, { target: identity, ms });
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
}

function hintFor(code: NetCode): string {
  return code === "ECONNREFUSED" ? CHECK_SERVER : CHECK_WAY;
}
