/** Streams that can be checked: the bytes look random, so that every misplaced chunk shows. */
import type { Connection } from "../../src/net/runtime.ts";

/** A prime, so that no buffer size divides it. */
const PERIOD = 1_000_003;
const CHUNK = 256 * 1024;

/** `length` bytes, the same for the same `seed`. */
export function pattern(length: number = PERIOD, seed = 1): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = seed;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

/** The period, and enough of the next one for a chunk to start anywhere in the first. */
function repeated(): Uint8Array {
  const block = new Uint8Array(PERIOD + CHUNK);
  block.set(pattern(PERIOD));
  block.set(block.subarray(0, CHUNK), PERIOD);
  return block;
}

/** Sends `total` bytes, of which byte n depends on n alone: streams longer than memory. */
export async function sendPattern(connection: Connection, total: number): Promise<void> {
  const block = repeated();
  for (let sent = 0; sent < total; ) {
    const size = Math.min(CHUNK, total - sent);
    const start = sent % PERIOD;
    await connection.write(block.slice(start, start + size));
    sent += size;
  }
}

/** Reads such a stream to FIN; returns how many bytes came, and throws at the first wrong one. `pause` is awaited after each read. */
export async function readPattern(
  connection: Connection,
  pause?: (received: number) => Promise<void>,
): Promise<number> {
  const block = repeated();
  let received = 0;
  for (let bytes = await connection.read(); bytes; bytes = await connection.read()) {
    for (let done = 0; done < bytes.length; ) {
      const start = (received + done) % PERIOD;
      const size = Math.min(bytes.length - done, CHUNK);
      if (Buffer.compare(bytes.subarray(done, done + size), block.subarray(start, start + size)) !== 0) {
        throw new Error(`the stream differs from what was sent within ${size} bytes from byte ${received + done}`);
      }
      done += size;
    }
    received += bytes.length;
    await pause?.(received);
  }
  return received;
}
