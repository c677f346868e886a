/** The way to a target through TLS: a port of loopback, where threads of tls/ are asked for it, and say whether it can be had. */
import { Buffer } from "node:buffer";
import { scarce } from "../../../proxy/connect-failure.ts";
import { TARGET } from "../../../proxy/record.ts";
import { BRIDGE_READY, writeRequest } from "../../../tls/bridge-protocol.ts";
import type { TargetTlsBridge } from "../../engine.ts";
import { READABLE, THROUGH_TLS, WRITTEN } from "../shared/ends.ts";
import { BRIDGE_FAILED, bridgeFailure } from "../shared/tried.ts";
import * as abi from "../sys/abi.ts";
import { codeOfErrno } from "../sys/errno.ts";
import { dialLoopback } from "./dial.ts";
import type { PoolPart } from "./pool-part.ts";
import { headerOf, proxyWanted } from "./preface.ts";
import type { Shard } from "./shard.ts";
import { closeEnd } from "./socket-io.ts";

const NOTHING = new Uint8Array(0);

/** Returns 0, or why the bridge cannot be reached, as dialTarget(). */
export function dialThroughTls(s: Shard, slot: number, bridge: TargetTlsBridge): number {
  const errno = dialLoopback(s, slot, bridge.port);
  if (errno !== 0) return unreachable(errno);
  s.slots.addBits(slot, TARGET, THROUGH_TLS);
  return 0;
}

/** No failure on the way to the bridge says anything about the target. `errno`: what has failed there. */
export function unreachable(errno: number): number {
  return scarce(codeOfErrno(errno)) === null ? BRIDGE_FAILED : errno;
}

/** An event on the way: it stands, so that the target can be asked for, or there is an answer. */
export function onBridgeEvent(s: Shard, part: PoolPart, slot: number): void {
  const bits = s.slots.bits(slot, TARGET);
  if ((bits & WRITTEN) === 0) askFor(s, part, slot);
  else if (bits & READABLE) readAnswer(s, part, slot);
}

function askFor(s: Shard, part: PoolPart, slot: number): void {
  const { libc, slots } = s;
  const { targetTls: bridge } = part.terms;
  if (bridge === undefined) {
    fail(s, part, slot, BRIDGE_FAILED); // the pool's targets are spoken to in another way from now on
    return;
  }
  const { address } = part.addresses.get(slots.row(slot));
  const isPath = "path" in address;
  const proxy = proxyWanted(s, part, slot);
  const length = writeRequest(
    s.io.bytes,
    bridge.secret,
    bridge.terms,
    isPath ? 0 : address.port,
    Buffer.from(isPath ? address.path : address.host),
    proxy === undefined ? NOTHING : headerOf(s, slot, proxy),
  );
  slots.addBits(slot, TARGET, WRITTEN);
  // A new connection of loopback has room for it all.
  if (libc.send(slots.fd(slot, TARGET), s.ioStart, length, abi.MSG_NOSIGNAL) !== length) {
    fail(s, part, slot, BRIDGE_FAILED);
  }
}

function readAnswer(s: Shard, part: PoolPart, slot: number): void {
  const { libc, slots } = s;
  const received = libc.recv(slots.fd(slot, TARGET), s.ioStart, 1, 0); // what follows is the target's
  if (received < 0 && libc.errno[0] === abi.EAGAIN) {
    slots.clearBits(slot, TARGET, READABLE);
  } else if (received === 1 && s.io.bytes[0] === BRIDGE_READY) {
    slots.clearBits(slot, TARGET, THROUGH_TLS);
    part.lifecycle.connected(slot);
  } else {
    fail(s, part, slot, received === 1 ? bridgeFailure(s.io.bytes[0]!) : BRIDGE_FAILED);
  }
}

function fail(s: Shard, { lifecycle }: PoolPart, slot: number, failure: number): void {
  closeEnd(s, slot, TARGET, true);
  lifecycle.connectFailed(slot, failure);
}
