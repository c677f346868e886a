/** Which part of the log tells of which event; of the others the log as a whole does. */
import type { BalancerEvents } from "../app/events.ts";
import type { LogPart } from "../config/log-levels.ts";

export const PART_OF: Readonly<Partial<Record<keyof BalancerEvents, LogPart>>> = {
  targetUp: "targets",
  targetSuspect: "targets",
  targetRecovered: "targets",
  targetDown: "targets",
  targetDrain: "targets",
  targetTakenOver: "targets",
  targetLeave: "targets",
  targetSources: "targets",
  reporterLost: "targets",
  panicStart: "targets",
  panicEnd: "targets",
  ordered: "targets",
  keysLoaded: "control",
  keysRevoked: "control",
  keyGone: "control",
  reporterJoined: "control",
  reporterRotated: "control",
  certificateRenewed: "control",
  serviceOpened: "control",
  serviceClosed: "control",
  rejected: "control",
  reloaded: "config",
  reloadFailed: "config",
  connectionClose: "connections",
  unavailable: "connections",
  clientsRefused: "connections",
};
