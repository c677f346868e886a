/** What reporters say, to whom, and since when. What has a default here, one of an earlier release does not say. */
import type { Registration, ReportedBalancer, ReporterStatus } from "../../admin/reporter/schema.ts";
import { type Line, line, type Part, part } from "../terminal/line.ts";
import type { Paper } from "../terminal/paper.ts";
import { type Column, table } from "../terminal/table.ts";
import { partText, SPAN, sinceText, spanText } from "../terminal/units.ts";

interface Row {
  readonly balancer: ReportedBalancer;
  readonly target: Registration;
}

export function reporterLines(all: readonly ReporterStatus[], paper: Paper, now: number): Line[] {
  return all.flatMap((status, index) => [...(index === 0 ? [] : [[]]), ...oneReporter(status, paper, now)]);
}

function oneReporter(
  { name, version, pid, uptimeMs, targets, balancers }: ReporterStatus,
  paper: Paper,
  now: number,
): Line[] {
  const says = targets.map((target) => {
    const {
      pool,
      port,
      id,
      weight,
      auto = null,
      says,
      reason = null,
      maxConnections,
      priority = 0,
      sendProxy = "pool",
      check = null,
    } = target;
    const why = reason ?? check;
    const limit = maxConnections === 0 ? "" : `, at most ${maxConnections} connections`;
    const turn = priority === 0 ? "" : `, priority ${priority}`;
    const header = sendProxy === "pool" ? "" : `, PROXY header ${sendProxy}`;
    return line(
      `  says: port ${port} in pool ${pool}${id === null ? "" : `, as ${id}`}, weight ${weight}${autoText(auto)}${limit}${turn}${header}, ${says}${why === null ? "" : `: ${why}`}`,
    );
  });
  const rows = balancers.flatMap((balancer) => balancer.targets.map((target) => ({ balancer, target })));
  return [
    line(part(`${name} ${version}`, "strong"), `, for ${spanText(uptimeMs)} (pid ${pid})`),
    ...says,
    ...table(columns(now), rows, paper).map((each) => line("  ", ...each)),
  ];
}

function autoText(auto: ReporterStatus["targets"][number]["auto"]): string {
  if (auto === null) return "";
  const { headroom, floor, ceiling, trouble } = auto;
  const left = headroom === null ? "nothing is known yet" : `${partText(headroom)} left`;
  return ` (auto, ${floor} to ${ceiling}: ${trouble ?? left})`;
}

function columns(now: number): readonly Column<Row>[] {
  return [
    { title: "BALANCER", value: ({ balancer }) => balancer.address },
    { title: "TARGET", value: ({ target }) => target.target ?? `port ${target.port}`, least: 16, cut: "middle" },
    { title: "STATE", value: statePart },
    { title: "FOR", value: (row) => sinceText(sinceOf(row), now), right: true, room: SPAN },
    {
      title: "ACTIVE",
      value: ({ target }) => (target.active === null ? "-" : String(target.active)),
      right: true,
      worth: 3,
    },
    {
      title: "LIMIT",
      value: ({ target: { credits = null } }) => (credits === null ? "-" : String(credits)),
      right: true,
      worth: 2,
    },
    {
      title: "ANSWERED",
      value: ({ target }) => (target.answeredAt === null ? "never" : `${sinceText(target.answeredAt, now)} ago`),
      right: true,
      worth: 4,
    },
    { title: "SOFTWARE", value: ({ balancer }) => balancer.software ?? "-", worth: 1 },
    { title: "WHY", value: whyText, least: 20, worth: 5 },
  ];
}

function statePart({ balancer, target }: Row): Part {
  if (!balancer.isConnected) return part(balancer.software === null ? "not reached" : "lost", "bad");
  if (target.isRegistered) return part("registered", "good");
  return target.trouble === null ? part("waiting", "doubtful") : part("refused", "bad");
}

function sinceOf({ balancer, target }: Row): string {
  return balancer.isConnected ? target.since : balancer.since;
}

function whyText({ balancer, target }: Row): string {
  return target.trouble?.reason ?? balancer.trouble?.reason ?? "-";
}
