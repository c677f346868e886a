/** What the programs' JSON log lines hold. */
import type { LogLine } from "./program.ts";

/** A property of a log line. */
export function field(line: LogLine, name: string): unknown {
  return (line.properties as Record<string, unknown> | undefined)?.[name];
}

/** A closed connection's line (log level debug). */
export function isCloseRecord(line: LogLine): boolean {
  return field(line, "endedBy") !== undefined;
}

const WORDS = { up: "is up", down: "is down", drain: "drains", leave: "has left" };

/** A target without a name of its own, on this port, has left: why. */
export function reasonOfLeave(log: readonly LogLine[], port: number): unknown {
  const line = log.find((each) => isTargetEvent(each, "leave", port));
  return line && field(line, "reason");
}

/** A target without a name of its own, on this port, came up, went down, drains or left. */
export function isTargetEvent({ message }: LogLine, event: keyof typeof WORDS, port: number): boolean {
  return message.startsWith(`target default/127.0.0.1:${port} ${WORDS[event]}`);
}
