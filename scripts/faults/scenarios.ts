/** What happens to a host. */
import type { Host } from "./host.ts";
import { ANSWER_MS, PATIENCE_MS, SLOW_TIMES } from "./world.ts";

export interface Scenario {
  readonly name: string;
  /** As the table says it. */
  readonly title: string;
  /** ms after which an answer counts as none. */
  readonly patience: number;
  begin(host: Host): void;
  finish(host: Host): void;
}

const patience = PATIENCE_MS;
const well = (host: Host) => host.behave("well");

export const scenarios: readonly Scenario[] = [
  {
    name: "server-stopped",
    title: "the server hangs (SIGSTOP)",
    patience,
    begin: (host) => host.server.signal("SIGSTOP"),
    finish: (host) => host.server.signal("SIGCONT"),
  },
  {
    name: "both-stopped",
    title: "the server hangs, and what speaks for it beside it",
    patience,
    begin: (host) => host.signal("SIGSTOP"),
    finish: (host) => host.signal("SIGCONT"),
  },
  {
    name: "host-gone",
    title: "the whole host is gone: its link is down",
    patience,
    begin: (host) => host.unplug(),
    finish: (host) => host.plug(),
  },
  {
    name: "silent",
    title: "the server accepts and never answers",
    patience,
    begin: (host) => host.behave("silent"),
    finish: well,
  },
  {
    name: "closes",
    title: "the server accepts and closes",
    patience,
    begin: (host) => host.behave("closes"),
    finish: well,
  },
  {
    name: "errors",
    title: "the server answers errors",
    patience,
    begin: (host) => host.behave("errors"),
    finish: well,
  },
  {
    name: "slow",
    title: `the server answers ${SLOW_TIMES} times slower`,
    // Twice to five times of what an answer takes is still good.
    patience: ANSWER_MS * (SLOW_TIMES / 2),
    begin: (host) => host.behave("slow"),
    finish: well,
  },
];
