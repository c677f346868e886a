/**
 * The balancer as a whole in a few lines, and what an operator should look at. What has a default here, a balancer of an earlier release
 * does not say.
 */
import type { Status } from "../../admin/api/schemas/status.ts";
import { counted } from "../../util/counted.ts";
import { type Line, line, type Part, part } from "../terminal/line.ts";
import { bytesText, partText, sinceText, spanText } from "../terminal/units.ts";
import { groupText, groupWarnings } from "./group.ts";

/** Of all descriptors: beyond it the next peak may find none. */
const MANY_DESCRIPTORS = 0.8;
/** ms. A main thread that comes so late renews leases and answers reporters late as well. */
const LATE_MS = 250;

export function statusLines(status: Status, now: number): Line[] {
  const { name, version, host, pid, state, uptimeMs, targets, asleep = 0, connections, group = null } = status;
  return [
    line(
      part(`${name} ${version}`, "strong"),
      " on ",
      host,
      ", ",
      statePart(state),
      ` for ${spanText(uptimeMs)} (pid ${pid})`,
    ),
    fact("engine", engineText(status)),
    fact("document", documentText(status, now)),
    fact("orders", ordersText(status)),
    fact("targets", `${countsText(targets)}${asleep === 0 ? "" : `, ${asleep} of them asleep`}`),
    fact(
      "connections",
      `${connections.active} active, ${connections.waiting} in the queue, ${connections.total} since the start`,
    ),
    fact("reporters", reportersText(status)),
    ...(group === null ? [] : [fact("group", groupText(group))]),
    fact("resources", resourcesText(status)),
    ...warnings(status, now).map((text) => line(part(`! ${text}`, "bad"))),
  ];
}

function fact(name: string, text: string): Line {
  return line(part(`${name.padEnd(12)}`, "quiet"), text);
}

function statePart(state: Status["state"]): Part {
  return part(state, state === "serving" ? "good" : "doubtful");
}

function engineText({ engine, runtime, threads }: Status): string {
  const busy = threads.map(({ busy }) => busy).filter((part) => part !== null);
  const most =
    busy.length === 0
      ? ""
      : `, the busiest of ${counted(threads.length, "thread")} ${partText(Math.max(...busy))} at work`;
  const passed = engine.passedOver.map(({ name, reason }) => `; not ${name}: ${reason}`).join("");
  return `${engine.name} on ${runtime.name} ${runtime.version}${most}${passed}`;
}

function documentText({ document: { file, lastReload } }: Status, now: number): string {
  const read = lastReload === null ? "" : `; ${lastReload.text}, ${sinceText(lastReload.at, now)} ago`;
  return `${file ?? "none: options alone"}${read}`;
}

function ordersText({ orders, stateFile, logLevel }: Status): string {
  const kept = stateFile === null ? "kept nowhere, they end with the process" : `kept in ${stateFile}`;
  const level = logLevel.ordered === null ? "" : `; log level ${logLevel.ordered} in place of ${logLevel.configured}`;
  return `${orders === 0 ? "none" : `of ${counted(orders, "target")}`} (${kept})${level}`;
}

export function countsText({ up, suspect, draining, down }: Status["targets"]): string {
  return `${up} up, ${suspect} suspect, ${draining} draining, ${down} down`;
}

function reportersText({ reporters, silentReporters = 0 }: Status): string {
  return `${reporters} connected${silentReporters === 0 ? "" : `, ${silentReporters} of them silent`}`;
}

function resourcesText({ memoryBytes, descriptors: { open, limit }, eventLoop }: Status): string {
  const files = open === null ? "" : `${open}${limit === null ? "" : ` of ${limit}`} descriptors, `;
  return `${bytesText(memoryBytes)} of memory, ${files}event loop late by ${eventLoop.p99.toFixed(1)} ms (p99)`;
}

/** What is not as it should be, a sentence each. */
export function warnings(status: Status, now: number): string[] {
  const {
    state,
    panic,
    document,
    descriptors,
    eventLoop,
    silentReporters = 0,
    targets,
    asleep = 0,
    group = null,
  } = status;
  const { open, limit } = descriptors;
  const found: string[] = [];
  if (state !== "serving") found.push(`it is ${state}, and takes no new clients`);
  if (panic.length > 0)
    found.push(`nobody reports the targets of ${panic.join(", ")} any more: they are served while they accept`);
  if (document.lastReload?.ok === false) found.push(`the last reload was not taken: ${document.lastReload.text}`);
  if (targets.up + asleep === 0) found.push("no target is up: harmony-balancer targets says why");
  if (silentReporters > 0)
    found.push(
      `${counted(silentReporters, "reporter")} silent, though connected: harmony-balancer targets TARGET says whose`,
    );
  if (group !== null) found.push(...groupWarnings(group, now));
  if (open !== null && limit !== null && open > limit * MANY_DESCRIPTORS)
    found.push(`${open} of ${limit} descriptors are in use: raise the limit (ulimit -n, LimitNOFILE=)`);
  if (eventLoop.p99 > LATE_MS)
    found.push(`the main thread comes ${Math.round(eventLoop.p99)} ms late: the machine has too little time for it`);
  return found;
}
