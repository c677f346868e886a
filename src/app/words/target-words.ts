/** What is told of targets. */
import { meaningOf, type NetCode } from "../../net/net-error.ts";
import { isObserved, observationText } from "../../pool/pool.ts";
import { orderText } from "../../targets/orders.ts";
import type { Ordered, PanicStart, TargetEvents } from "../../targets/report.ts";
import { error, info, type Words, warning } from "../../telemetry/line.ts";
import { formatAddress } from "../../util/address.ts";
import { counted } from "../../util/counted.ts";
import { inSeconds } from "../../util/durations.ts";
import type { Told } from "./start-words.ts";

const DOWN = {
  "lease-expired": "it has not reported in time",
  refused: "its reporter is gone and it refuses connections",
  reported: "its reporter says so",
  asleep: "it is asleep",
  checked: "its check fails", // where nothing more is known
  ordered: "an operator has ordered so",
};
const LEFT = {
  leave: "its reporter said goodbye",
  moved: "its reporter speaks for another target now",
  rejected: "its reporter was rejected",
  revoked: "its key is no longer accepted",
  forgotten: "it was down for too long",
  undeclared: "neither the configuration nor the DNS names it any more",
  unshared: "no other balancer of the group speaks for it any more",
  "pool-removed": "its pool has been removed",
};

const SOURCES = {
  registered: "registered by its reporter",
  static: "named by the configuration",
  dns: "named by the DNS",
  shared: "known from other balancers of the group",
};

const CHECK_SERVER =
  "does the server run, listen on that port (its reporter's --port), and on more than its own localhost?";
const CHECK_WAY =
  "does a firewall keep the balancer out, or is the server at another address (its reporter's --advertise)?";

export function targetWords(balancer: Pick<Told, "adminAddresses">): Words<TargetEvents> {
  return {
    targetUp: ({ identity, address, weight }) => {
      const where = formatAddress(address);
      const facts = { target: identity, address: where, weight };
      return info(`target ${identity} is up at ${where}, weight ${weight}`, facts);
    },
    targetSuspect: ({ identity, address }, { code, isNew }) => {
      const where = formatAddress(address);
      const facts = { target: identity, address: where, code, new: isNew };
      if (isObserved(code)) {
        return warning(
          `target ${identity} is suspect: ${observationText(code)}; until it answers again, others are picked first`,
          facts,
        );
      }
      const failure = meaningOf(code);
      const text = isNew
        ? `target ${identity} cannot be connected to yet, at ${where} (${failure}): ${hintFor(code)} Until it accepts, others are picked first`
        : `target ${identity} is suspect: connecting to ${where} failed (${failure}); until it accepts again, others are picked first`;
      return warning(text, facts);
    },
    targetRecovered: ({ identity }, ms) =>
      info(`target ${identity} is up again, after ${inSeconds(ms)}`, { target: identity, ms }),
    targetDown: ({ identity }, reason, why) =>
      (reason === "asleep" ? info : warning)(`target ${identity} is down: ${whyDown(reason, why)}`, {
        target: identity,
        reason,
        ...(why !== null && { why }),
      }),
    targetWoken: ({ identity }, waiting) =>
      info(`target ${identity} is woken: ${counted(waiting, "client")} ${waiting === 1 ? "waits" : "wait"}`, {
        target: identity,
        waiting,
      }),
    targetDrain: ({ identity }, reason) => {
      const why = { ordered: ", as an operator has ordered", checked: ", as its agent says", reported: "" }[reason];
      return info(`target ${identity} drains${why}: it gets no new connections`, { target: identity, reason });
    },
    ordered: ({ identity }, ordered) => {
      const { state = null, factor = null, reason = null } = ordered.order ?? {};
      return info(orderedText(identity, ordered), { target: identity, by: ordered.by, order: state, factor, reason });
    },
    targetTakenOver: ({ identity }, by, from) => {
      const facts = { target: identity, by: formatAddress(by), from: formatAddress(from) };
      return warning(
        `two reporters announce target ${identity}: the one at ${facts.by} has taken it over from the one at ${facts.from}`,
        facts,
      );
    },
    targetLeave: ({ identity }, reason) =>
      info(`target ${identity} has left: ${LEFT[reason]}`, { target: identity, reason }),
    targetSources: ({ identity }, sources, before) => {
      // The reporter of a target that others have told of has come here as well: that is as it should be.
      if (before.map((each) => (each === "shared" ? "registered" : each)).join() === sources.join()) return [];
      const text = `target ${identity} stays: it is ${sources.map((each) => SOURCES[each]).join(" and ")}`;
      return info(text, { target: identity, sources: sources.join(",") });
    },
    reporterLost: ({ identity }, { reporter, leaseMs }) => {
      const from = formatAddress(reporter);
      return warning(
        `the connection with the reporter of target ${identity}, at ${from}, was lost without a goodbye: the target is probed until its reporter is back, and is down if it refuses, or in ${inSeconds(leaseMs)}, when its last report counts no more`,
        { target: identity, reporter: from, leaseMs },
      );
    },
    panicStart: (pool, start) => {
      const { silentMs, targets: silent, accepting } = start;
      return error(panicText(balancer, pool, start), { pool, silentMs, silent, accepting });
    },
    panicEnd: (pool, ms) =>
      warning(
        `pool ${pool} is no longer in panic, after ${inSeconds(ms)}: a reporter has been heard again, and targets whose reporter has not are out`,
        { pool, ms },
      ),
  };
}

function orderedText(identity: string, { order, by, says }: Ordered): string {
  const target = `target ${identity}${says === null ? ", which is not there" : ""}`;
  if (order === null) return `${by} has taken back what was ordered of ${target}`;
  return `${by} has ordered of ${target}: ${orderText(order)}`;
}

function panicText(
  balancer: Pick<Told, "adminAddresses">,
  pool: string,
  { silentMs, targets, accepting }: PanicStart,
): string {
  const served =
    accepting === 0
      ? `None of the ${targets} targets that they spoke for accepts connections; one that does again is served`
      : `Served without knowing their health, while they accept connections: ${accepting} of the ${targets} targets that they spoke for`;
  const admin = balancer.adminAddresses.map(formatAddress).join(", ");
  return (
    `pool ${pool} is in panic: none of its reporters has been heard for ${inSeconds(silentMs)}, all fell silent at once. ` +
    `${served}. Probably the network or a firewall keeps reporters from ${admin}: look into their logs, and do not restart this ` +
    "balancer before they get through, since a new one knows no targets"
  );
}

/** What checks say is a sentence of its own, which names the check. */
function whyDown(reason: keyof typeof DOWN, why: string | null): string {
  if (reason === "checked" && why !== null) return why;
  return `${DOWN[reason]}${why === null ? "" : ` (${why})`}`;
}

function hintFor(code: NetCode): string {
  return code === "ECONNREFUSED" ? CHECK_SERVER : CHECK_WAY;
}
