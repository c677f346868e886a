/** Reading and writing a connection in tests. */
import { Buffer } from "node:buffer";
import type { Connection } from "../../src/net/runtime.ts";
import { within } from "./wait.ts";

export const text = (s: string): Uint8Array => new TextEncoder().encode(s);
export const show = (bytes: Uint8Array | null): string | null =>
  bytes === null ? null : new TextDecoder().decode(bytes);

export function send(connection: Connection, s: string): Promise<void> {
  return connection.write(text(s));
}

/** Everything up to the peer's FIN, copied. */
export async function readAll(connection: Connection): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for (;;) {
    const bytes = await within("the next bytes or FIN", connection.read());
    if (bytes === null) return Buffer.concat(chunks);
    chunks.push(bytes.slice());
  }
}

/** Exactly `length` bytes, copied; more, or FIN before, is an error. */
export async function readExactly(connection: Connection, length: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let got = 0;
  while (got < length) {
    const bytes = await within(`${length} bytes (${got} so far)`, connection.read());
    if (bytes === null) throw new Error(`FIN after ${got} of ${length} bytes`);
    chunks.push(bytes.slice());
    got += bytes.length;
  }
  if (got > length) throw new Error(`${got} bytes instead of ${length}`);
  return Buffer.concat(chunks);
}

/** Everything up to FIN, or exactly `length` bytes, as text. */
export async function readText(connection: Connection, length?: number): Promise<string> {
  const bytes = await (length === undefined ? readAll(connection) : readExactly(connection, length));
  return new TextDecoder().decode(bytes);
}

/** Reads to the FIN, however long that takes; the number of bytes. */
export async function drain(connection: Connection): Promise<number> {
  let total = 0;
  for (let bytes = await connection.read(); bytes !== null; bytes = await connection.read()) total += bytes.length;
  return total;
}

/** How the peer ends the connection: "fin", or the code of the error. */
export async function ending(connection: Connection): Promise<string> {
  try {
    await within("the connection's end", drain(connection));
    return "fin";
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === undefined) throw error;
    return code;
  }
}

/** Reads line by line: `await next()` is a line without its end, or null at FIN. */
export function lines(connection: Connection): () => Promise<string | null> {
  let pending = "";
  return async () => {
    for (;;) {
      const end = pending.indexOf("\n");
      if (end >= 0) {
        const line = pending.slice(0, end).replace(/\r$/, "");
        pending = pending.slice(end + 1);
        return line;
      }
      const bytes = await within("a line", connection.read());
      if (!bytes) return null;
      pending += new TextDecoder().decode(bytes);
    }
  };
}

/** Begins to write `chunk`, so many times, then FIN. `written` is how many bytes have been taken so far. */
export function startWriting(connection: Connection, chunk: Uint8Array, times: number) {
  let written = 0;
  const write = async (): Promise<void> => {
    for (let i = 0; i < times; i++) {
      await connection.write(chunk);
      written += chunk.length;
    }
    await connection.closeWrite();
  };
  return { written: () => written, done: write() };
}
