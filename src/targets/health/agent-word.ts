/**
 * What an agent says of its server: HAProxy's agent-check protocol, a line of words with blanks, commas or tabs between them.
 * A word that is not there leaves what it would change as it is (HAProxy's configuration manual, "agent-check").
 */
import { oneLine } from "./one-line.ts";

/** As far as it is said. */
export interface AgentWord {
  /** Its server works, or does not. */
  readonly health?: "up" | "down";
  /** What its administrator has decided. */
  readonly order?: "ready" | "drain" | "maint";
  /** Percent of its own weight. */
  readonly percent?: number;
  /** Connections at once. */
  readonly maxConnections?: number;
  /** Why, as it says behind a `#`. */
  readonly reason?: string;
}

/** All that agents have said of a server until now. */
export interface AgentState {
  readonly health: "up" | "down";
  readonly order: "ready" | "drain" | "maint";
  readonly percent: number;
  /** null: what others say. */
  readonly maxConnections: number | null;
  readonly reason: string | null;
}

export const UNSAID: AgentState = {
  health: "up",
  order: "ready",
  percent: 100,
  maxConnections: null,
  reason: null,
};

/** A hundred times its weight, as an operator's factor. */
const MOST_PERCENT = 10_000;
const MOST_CONNECTIONS = 16_777_215;
const PERCENT = /^(\d{1,9})%$/;
const MAXCONN = /^maxconn:(\d{1,9})$/;

/** null: nothing in it is a word of the protocol. Words that are none are passed over, as HAProxy does. */
export function parseAgentWord(line: string): AgentWord | null {
  const hash = line.indexOf("#");
  const words = (hash === -1 ? line : line.slice(0, hash)).split(/[\s,]+/).filter(Boolean);
  const said: { -readonly [K in keyof AgentWord]: AgentWord[K] } = {};
  for (const word of words) {
    const percent = PERCENT.exec(word);
    const most = MAXCONN.exec(word);
    if (percent) said.percent = Math.min(MOST_PERCENT, Number(percent[1]));
    else if (most) said.maxConnections = Math.min(MOST_CONNECTIONS, Number(most[1]));
    else if (word === "up") said.health = "up";
    else if (word === "down" || word === "failed" || word === "stopped") said.health = "down";
    else if (word === "ready" || word === "drain" || word === "maint") said.order = word;
  }
  if (Object.keys(said).length === 0) return null;
  const reason = hash === -1 ? "" : oneLine(line.slice(hash + 1));
  return reason === "" ? said : { ...said, reason };
}

/** A reason belongs to the word that came with it. */
export function afterWord(state: AgentState, { reason, ...said }: AgentWord): AgentState {
  return { ...state, ...said, reason: reason ?? null };
}

/** What its server is to be, by the agent alone. */
export function saidByAgent({ health, order }: AgentState): "up" | "draining" | "down" {
  if (health === "down" || order === "maint") return "down";
  return order === "drain" ? "draining" : "up";
}
