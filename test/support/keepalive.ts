/** The keepalive timers of this machine's connections, as Linux lists them. */
import { readFileSync } from "node:fs";
import type { TcpAddress } from "../../src/net/runtime.ts";

/** ms until the kernel's keepalive timer on the socket comes, or null where none runs. */
export function keepaliveIn(local: TcpAddress, remote: TcpAddress): number | null {
  const hex = (port: number): string => port.toString(16).toUpperCase().padStart(4, "0");
  // Columns: local, remote, state, queues, timer. A timer of 02 is neither a retransmission nor a zero window.
  const row = new RegExp(`:${hex(local.port)} [0-9A-F]+:${hex(remote.port)} 01 \\S+ (\\d\\d):([0-9A-F]+)`);
  for (const file of ["/proc/net/tcp", "/proc/net/tcp6"]) {
    const timer = row.exec(readFileSync(file, "latin1"));
    if (timer !== null) return timer[1] === "02" ? 10 * Number.parseInt(timer[2]!, 16) : null;
  }
  return null;
}
