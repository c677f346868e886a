/** The way to a target: its socket, or the TLS bridge to it, and what it is told of the client before the client's first byte. */
import { NetError, netCodeOf, netError, toNetError } from "../../net/net-error.ts";
import type { Address, Connection, Runtime } from "../../net/runtime.ts";
import { scarce } from "../../proxy/connect-failure.ts";
import { answerOf, requestLength, writeRequest } from "../../tls/bridge-protocol.ts";
import { formatAddress } from "../../util/address.ts";
import type { TargetTlsBridge } from "../engine.ts";
import type { Sources } from "./sources.ts";

const NOTHING: Uint8Array = new Uint8Array(0);

export interface Way {
  readonly to: Address;
  /** As ServedPool's. */
  readonly keepalive: number;
  /** null: as the kernel chooses. */
  readonly sources: Sources | null;
  /** undefined: the target itself is connected to. */
  readonly bridge: TargetTlsBridge | undefined;
  /** The PROXY header; null: the target is told nothing. */
  readonly preface: Uint8Array | null;
  readonly signal: AbortSignal;
}

/** Rejects with NetError, and then leaves nothing open. */
export async function reach(runtime: Runtime, way: Way): Promise<Connection> {
  const { bridge, keepalive, preface, signal, sources, to } = way;
  if (bridge !== undefined) return throughBridge(runtime, way, bridge);
  const options = { to, keepAlive: keepalive, signal };
  const target = await (sources === null ? runtime.connect(options) : sources.connect(runtime, options));
  await beforeUse(target, way, () => target.write(preface ?? NOTHING));
  return target;
}

async function throughBridge(runtime: Runtime, way: Way, bridge: TargetTlsBridge): Promise<Connection> {
  const doing = `cannot connect to ${formatAddress(way.to)} through TLS`;
  const { answer, bridged } = await askBridge(runtime, way, bridge).catch((error: unknown) => {
    // Only the bridge's answer says anything about the target.
    throw scarce(netCodeOf(error)) === null ? netError("EBRIDGE", doing, error) : error;
  });
  const code = answerOf(answer[0]!);
  if (code !== null) {
    bridged.abort();
    throw netError(code, doing);
  }
  bridged.unread(answer.slice(1)); // of a target that speaks first
  return bridged;
}

async function askBridge(runtime: Runtime, way: Way, bridge: TargetTlsBridge) {
  const { keepalive, signal } = way;
  const bridged = await runtime.connect({ to: { host: "127.0.0.1", port: bridge.port }, keepAlive: keepalive, signal });
  let answer = NOTHING;
  await beforeUse(bridged, way, async () => {
    await bridged.write(requestFor(way, bridge));
    answer = (await bridged.read()) ?? NOTHING;
    if (answer.length === 0) throw new NetError("ECONNRESET", "the bridge has left without an answer");
  });
  return { bridged, answer };
}

function requestFor({ preface, to }: Way, { secret, terms }: TargetTlsBridge): Uint8Array {
  const host = new TextEncoder().encode("path" in to ? to.path : to.host);
  const first = preface ?? NOTHING;
  const request = new Uint8Array(requestLength(host, first));
  writeRequest(request, secret, terms, "path" in to ? 0 : to.port, host, first);
  return request;
}

/** What has to be said first; where that fails, or is given up, the target is not had. */
async function beforeUse(target: Connection, { signal, to }: Way, say: () => Promise<void>): Promise<void> {
  const giveUp = () => target.abort();
  signal.addEventListener("abort", giveUp, { once: true });
  try {
    if (signal.aborted) giveUp();
    await say();
  } catch (error) {
    target.abort();
    throw toNetError(error, `cannot connect to ${formatAddress(to)}`);
  } finally {
    signal.removeEventListener("abort", giveUp);
  }
}
