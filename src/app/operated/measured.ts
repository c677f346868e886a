/** What the page of metrics is made of. */
import { runtime } from "#runtime";
import type { Measured, MeasuredCheck } from "../../admin/metrics/scrape.ts";
import { eachCheck, type TargetChecks, UNCHECKED } from "../../targets/checked.ts";
import { formatAddress } from "../../util/address.ts";
import { VERSION } from "../../util/version.ts";
import { edgeBytes, edgesOf, refusalsOf, untrackedBy } from "./edges.ts";
import type { Operable } from "./operable.ts";

function checksOf(checks: TargetChecks): MeasuredCheck[] {
  return eachCheck(checks).map(({ kind, followed: { passes, failures, last } }) => {
    return { kind, passes, failures, ms: last?.ms ?? null };
  });
}

export function measuredOf({ parts, telemetry, isReady }: Operable): Measured {
  const { engine, control, services } = parts;
  const { statistics, counts } = telemetry;
  const { registry } = control;
  return {
    version: VERSION,
    runtime: { name: runtime.name, version: runtime.version },
    engine: engine.name,
    startedAt: telemetry.startedAt,
    pools: () => [...services.pools.keys()].map((name) => ({ name, statistics: statistics.of(name)! })),
    edges: () =>
      [...edgesOf(services)].map(([listener, rules]) => ({
        listener,
        refusals: refusalsOf(rules),
        untracked: untrackedBy(rules),
        bytes: edgeBytes(rules),
      })),
    tls: () =>
      services.listeners.flatMap(({ address, listener, tls }) =>
        tls === null
          ? []
          : [{ listener, address: formatAddress(address), ...tls.counts, certificates: tls.certificates }],
      ),
    refusals(target) {
      const refusing = (registry.standingOf(target)?.verdicts ?? []).filter(({ says }) => says !== "up");
      // A check and an agent are one source, and may say the same.
      return [...new Map(refusing.map((each) => [`${each.source} ${each.says}`, each])).values()];
    },
    checks: (target) => checksOf(registry.rows.get(target)?.checks ?? UNCHECKED),
    get checked() {
      return control.checks;
    },
    rejections: control.rejections,
    events: counts,
    apiAnswers: telemetry.answers,
    eventLoop: telemetry.eventLoop.histogram,
    get ready() {
      return isReady();
    },
    get orders() {
      return registry.ordering.count;
    },
    get group() {
      return parts.group?.view() ?? null;
    },
    get sharedBindings() {
      return parts.sharedBindings?.counts ?? null;
    },
    get lookUps() {
      return parts.sharedBindings?.readings.counts ?? null;
    },
    get sessions() {
      return control.sessions;
    },
    get silentSessions() {
      return control.silentSessions;
    },
    get reloads() {
      const [done = 0, failed = 0] = ["reloaded", "reloadFailed"].map((name) => counts.get(name));
      return { done, failed, lastDoneAt: telemetry.reloadedAt };
    },
    get threads() {
      return telemetry.threads.busy;
    },
    get descriptors() {
      return telemetry.descriptors;
    },
    get memoryBytes() {
      return process.memoryUsage().rss;
    },
    get cpuSeconds() {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1e6;
    },
  };
}
