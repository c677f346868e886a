/** docs/library.md has every event of both programs, and every reason that they come with: the types say which those are. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import type { BalancerEvents } from "../../src/app/events.ts";
import type { ReporterEvents } from "../../src/app/reporter.ts";
import type { Observation } from "../../src/pool/suspicion.ts";
import type { Absence } from "../../src/targets/removal/departures.ts";
import type { DownReason, DrainReason, LeaveReason } from "../../src/targets/report.ts";

type All<Name extends string> = Readonly<Record<Name, true>>;

const yes = true;
/** But for what the program tells its service manager. */
const OF_BALANCER: All<Exclude<keyof BalancerEvents, "reloading">> = {
  listening: yes,
  reloaded: yes,
  reloadFailed: yes,
  targetUp: yes,
  targetSuspect: yes,
  targetRecovered: yes,
  targetWoken: yes,
  targetDrain: yes,
  targetDown: yes,
  ordered: yes,
  targetLeave: yes,
  targetSources: yes,
  targetTakenOver: yes,
  reporterLost: yes,
  panicStart: yes,
  panicEnd: yes,
  connectionsRemoved: yes,
  rebalancing: yes,
  rebalanced: yes,
  connectionClose: yes,
  unavailable: yes,
  clientsRefused: yes,
  rejected: yes,
  logLevel: yes,
  keyCreated: yes,
  reporterJoined: yes,
  reporterRotated: yes,
  certificateRenewed: yes,
  keysLoaded: yes,
  keysRevoked: yes,
  keyGone: yes,
  serviceOpened: yes,
  serviceClosed: yes,
  groupConnected: yes,
  groupUnreached: yes,
  groupLost: yes,
  membersFound: yes,
  memberJoined: yes,
  memberLeft: yes,
  warning: yes,
  error: yes,
  close: yes,
};
/** But for what only the program has: targets that sleep. */
const OF_CLIENT: All<Exclude<keyof ReporterEvents, "wake" | "unwakeable">> = {
  connected: yes,
  registered: yes,
  rejected: yes,
  unopened: yes,
  inexact: yes,
  lost: yes,
  goodbye: yes,
  weight: yes,
  unmeasured: yes,
  health: yes,
  close: yes,
};
const DOWN: All<DownReason> = {
  "lease-expired": yes,
  refused: yes,
  reported: yes,
  asleep: yes,
  checked: yes,
  ordered: yes,
};
const DRAIN: All<DrainReason> = { reported: yes, checked: yes, ordered: yes };
const LEAVE: All<LeaveReason> = {
  leave: yes,
  moved: yes,
  rejected: yes,
  revoked: yes,
  forgotten: yes,
  undeclared: yes,
  unshared: yes,
  "pool-removed": yes,
};
const SUSPECT: All<Observation> = { silent: yes, "early-end": yes, slow: yes, "silent-reporter": yes };
const REMOVED: All<Absence> = { draining: yes, down: yes, silent: yes, left: yes };

const [balancer = "", client = ""] = readFileSync(new URL("../../docs/library.md", import.meta.url), "utf8").split(
  "\n## A client\n",
);

function rowOf(page: string, event: string): string {
  const row = page.split("\n").find((line) => line.startsWith(`| \`${event}\` |`));
  assert.ok(row !== undefined, `docs/library.md has no event ${event}`);
  return row;
}

describe("the library's page", () => {
  it("has all events", () => {
    for (const event of Object.keys(OF_BALANCER)) rowOf(balancer, event);
    for (const event of Object.keys(OF_CLIENT)) rowOf(client, event);
  });

  it("has all reasons", () => {
    const reasons = {
      targetDown: DOWN,
      targetDrain: DRAIN,
      targetLeave: LEAVE,
      targetSuspect: SUSPECT,
      connectionsRemoved: REMOVED,
    };
    for (const [event, all] of Object.entries(reasons)) {
      const row = rowOf(balancer, event);
      for (const reason of Object.keys(all))
        assert.ok(row.includes(`\`${reason}\``), `${event} may come with ${reason}`);
    }
  });
});
