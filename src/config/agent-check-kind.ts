/** The kind of value that says where the agent of a target is polled: `9999`, `10.0.0.9:9999 interval=5s send="db-1\n"`. */
import type { AgentCheck } from "../targets/health/check.ts";
import { formatAddress } from "../util/address.ts";
import { formatDuration } from "../util/durations.ts";
import { realPort, remoteHost } from "./address-kinds.ts";
import { CheckProblem, orOff } from "./check-problem.ts";
import { durationOf } from "./check-text.ts";
import { type Kind, kindOf } from "./kind.ts";
import { type QuotedWord, quoteBytes, readQuoted } from "./quoted-words.ts";

/** `off`: no agent is asked. */
export type AgentCheckChoice = AgentCheck | "off";

/** ms. An agent says how loaded its host is, which is of use while it is new. As in HAProxy. */
const DEFAULT_INTERVAL = 2_000;
const DEFAULT_TIMEOUT = 1_000;

const written = orOff(parse, format);

export const agentCheckKind: Kind<AgentCheckChoice, string | number> = kindOf(
  {
    placeholder: "[HOST:]PORT",
    allowed: "off, or [HOST:]PORT of the agent, and behind it words such as interval=2s timeout=1s send=TEXT",
    library: { words: "number or string" },
    schema: { type: ["string", "integer"] },
    why: written.why,
  },
  written.codec,
);

function parse(given: string): AgentCheck {
  const words = readQuoted(given);
  if (typeof words === "string") throw new CheckProblem(words);
  const [head, ...rest] = words;
  const place = head?.bytes ?? "";
  const port = realPort.parse(place);
  const at = port ? { host: null, port: port.value } : remoteHost(place);
  if (at?.port == null) throw new CheckProblem("give off, PORT or HOST:PORT, with a port from 1 to 65535");
  const said = valuesOf(rest);
  return {
    kind: "agent",
    send: Uint8Array.from(Buffer.from(said.get("send") ?? "", "latin1")),
    address: at.host,
    port: at.port,
    interval: durationOf(said, "interval", DEFAULT_INTERVAL),
    timeout: durationOf(said, "timeout", DEFAULT_TIMEOUT),
    rise: 1, // one word is enough
    fall: 1,
  };
}

function valuesOf(words: readonly QuotedWord[]): ReadonlyMap<string, string> {
  const said = new Map<string, string>();
  for (const { bytes } of words) {
    const [, name = "", value = ""] = /^(interval|timeout|send)=(.*)$/s.exec(bytes) ?? [];
    if (name === "") throw new CheckProblem(`${bytes} is none of its words: interval=, timeout=, send=`);
    if (said.has(name)) throw new CheckProblem(`${name} is there twice`);
    said.set(name, value);
  }
  return said;
}

function format({ address, port, interval, timeout, send }: AgentCheck): string {
  return [
    address === null ? String(port) : formatAddress({ host: address, port: port! }),
    ...(interval === DEFAULT_INTERVAL ? [] : [`interval=${formatDuration(interval)}`]),
    ...(timeout === DEFAULT_TIMEOUT ? [] : [`timeout=${formatDuration(timeout)}`]),
    ...(send.length === 0 ? [] : [`send=${quoteBytes(Buffer.from(send).toString("latin1"))}`]),
  ].join(" ");
}
