/** Long streams that can be checked without keeping them: byte n of a stream depends on n alone. */
import type { Connection } from "./tcp.ts";

const CHUNK = 256 * 1024;
// Odd, so that the pattern never lines up with the sizes of buffers.
const PERIOD = 65_521;

const block = new Uint8Array(PERIOD + CHUNK);
for (let i = 0; i < block.length; i++) block[i] = ((i % PERIOD) * 31 + ((i % PERIOD) >> 8)) & 0xff;

/** Sends `total` bytes of the pattern. */
export async function sendPattern(connection: Connection, total: number): Promise<void> {
  for (let sent = 0; sent < total; ) {
    const size = Math.min(CHUNK, total - sent);
    const start = sent % PERIOD;
    await connection.write(block.slice(start, start + size));
    sent += size;
  }
}

/** Reads to FIN; returns how many bytes came, and throws at the first wrong one. `pause` is awaited after each read. */
export async function readPattern(
  connection: Connection,
  pause?: (received: number) => Promise<void>,
): Promise<number> {
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
