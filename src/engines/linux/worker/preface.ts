/** What a target is told of a client before the client's first byte: a PROXY header, which counts as nobody's byte. */
import { headerForTarget, proxyForTarget, type SendProxy } from "../../../edge/proxy-header/send.ts";
import type { TcpAddress } from "../../../net/runtime.ts";
import { CLIENT } from "../../../proxy/record.ts";
import { connectionId } from "../shared/connection-id.ts";
import * as abi from "../sys/abi.ts";
import { decodePeer, endOfWords } from "../sys/sockaddr.ts";
import type { PoolPart } from "./pool-part.ts";
import type { Shard } from "./shard.ts";

/** The header that the slot's target is to get; undefined: none. */
export function proxyWanted({ slots }: Shard, { pool, terms }: PoolPart, slot: number): SendProxy | undefined {
  return proxyForTarget(terms.sendProxy, pool.askedProxy(slots.row(slot)));
}

/** The connection to its target stands, and nothing was sent on it. */
export function sayFirst(s: Shard, slot: number, proxy: SendProxy): void {
  const header = headerOf(s, slot, proxy);
  s.slots.setWriteBuffer(slot, CLIENT, s.writeBuffers.keep(header) + 1);
  s.slots.setBuffered(slot, CLIENT, header.length);
}

export function headerOf(s: Shard, slot: number, proxy: SendProxy): Uint8Array {
  const { slots } = s;
  const facts = slots.factsOf(slot) ?? null;
  return headerForTarget(proxy, {
    client: slots.client(slot),
    destination: facts?.destination ?? localEnd(s, slot),
    facts,
    id: connectionId(s.index, s.epoch, slot, slots.generation(slot, CLIENT)),
  });
}

function localEnd(s: Shard, slot: number): TcpAddress {
  const words = new Uint32Array(4);
  const port = decodePeer(localAddress(s, slot), words, 0);
  return endOfWords(words, 0, port);
}

/** The sockaddr of our end of the client's connection; of no family, where that is lost. */
export function localAddress({ libc, slots, small }: Shard, slot: number): Uint8Array {
  small.setLength(abi.SOCKADDR_MAX);
  const failed = libc.getsockname(slots.fd(slot, CLIENT), small.address, small.length) < 0;
  return failed ? new Uint8Array(abi.SOCKADDR_MAX) : small.addressBytes;
}
