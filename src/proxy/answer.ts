/** Giving the answer to a client that gets no target, over its Connection: a text, or whatever a handler does. */
import type { Connection } from "../net/runtime.ts";
import { LINGER_BYTES, type UnavailableError, type UnavailableHandler } from "./unavailable.ts";
import type { ClientSocket } from "./unavailable-socket.ts";

/**
 * Delivers `text` whole: write, FIN, then discard what the client still sends. `lingering` is called after the FIN. Rejects
 * with NetError when the client is lost; the connection is closed or lost when it settles.
 */
export async function answerText(client: Connection, text: Uint8Array, lingering: () => void): Promise<void> {
  if (text.length > 0) await client.write(text);
  await client.closeWrite();
  lingering();
  let left = LINGER_BYTES;
  for (let bytes = await client.read(); bytes !== null && left > 0; bytes = await client.read()) left -= bytes.length;
  await client.close();
}

/**
 * Lets `handler` answer, ends the socket once the handler is done, then discards as above. A handler that throws or rejects is
 * passed to `warn`, and its socket destroyed. Settles once the socket is closed, never rejects. The caller destroys the
 * socket when it takes too long.
 */
export async function answerByHandler(
  socket: ClientSocket,
  handler: UnavailableHandler,
  error: UnavailableError,
  lingering: () => void,
  warn: (message: string, cause: unknown) => void,
): Promise<void> {
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  // A lost client is an ordinary end: without a listener of the handler's own it would end the process instead.
  socket.on("error", () => socket.destroy());
  socket.once("finish", () => {
    lingering();
    discard(socket);
  });
  run(handler, error, socket).then(
    () => {
      if (!socket.destroyed) socket.end();
    },
    (thrown: unknown) => {
      warn("the unavailable handler failed; its client's connection is dropped", thrown);
      socket.destroy();
    },
  );
  await closed;
}

/** So that a handler that throws and one that rejects are the same. */
async function run(handler: UnavailableHandler, error: UnavailableError, socket: ClientSocket): Promise<void> {
  await handler(error, socket);
}

function discard(socket: ClientSocket): void {
  const limit = socket.bytesRead + LINGER_BYTES;
  socket.on("data", () => {
    if (socket.bytesRead > limit) socket.destroy();
  });
  socket.resume();
}
