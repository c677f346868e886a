import { LineChannel } from "../net/line-channel.ts";
import { NetError } from "../net/net-error.ts";
import type { Address, Connection, Runtime } from "../net/runtime.ts";
import type { Clock } from "../util/clock.ts";

/** `silent`: nobody answered in time, or the way there failed; nothing is proved either way. */
export type ProbeOutcome = "connected" | "refused" | "silent";

/** ms a server that speaks first has for that. With a FIN at once some runtimes' servers fail at their first write. */
const PAUSE_MS = 200;
/** ms after which the connection is closed though the server has not ended its side. */
const FAREWELL_MS = 1_000;
/** A probe reads no lines. */
const NO_LINES = 1;

export interface ProbeOptions {
  readonly runtime: Runtime;
  readonly clock: Clock;
  /** ms */
  readonly timeout: number;
  /** Given what settles, and never rejects, when the connection is gone: it outlives the probe that needed it. */
  readonly onLeaving: (left: Promise<void>) => void;
}

/** Connects and leaves again. Never rejects. */
export async function probe(to: Address, { runtime, clock, timeout, onLeaving }: ProbeOptions): Promise<ProbeOutcome> {
  const giveUp = new AbortController();
  const cancel = clock.after(timeout, () => giveUp.abort());
  try {
    const connection = await runtime.connect({ to, signal: giveUp.signal });
    onLeaving(leave(connection, clock));
    return "connected";
  } catch (error) {
    return error instanceof NetError && error.code === "ECONNREFUSED" ? "refused" : "silent";
  } finally {
    cancel();
  }
}

/** Lets a server that speaks first finish: a connection that breaks is an error in its log, and the end of a careless one. */
async function leave(connection: Connection, clock: Clock): Promise<void> {
  const cancels = [
    clock.after(PAUSE_MS, () => void connection.closeWrite().catch(() => connection.abort())),
    clock.after(FAREWELL_MS, () => void connection.close()),
  ];
  await new LineChannel(connection, NO_LINES).drain();
  for (const cancel of cancels) cancel();
}
