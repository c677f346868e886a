import type { Connection } from "../runtime/runtime.ts";
import type { UnavailableError, UnavailableHandler, UnavailableReason } from "./engine.ts";
import type { ClientSocket } from "./unavailable-socket.ts";

/** ms in which a client has to take its answer, or a handler to give it: long for a person's patience, short for a leak. */
export const ANSWER_MS = 30_000;

/**
 * ms for which a client may go on sending after our FIN. A socket that is closed with unread bytes sends a reset, and a reset
 * overtakes the answer (RFC 9112, 9.6); a client that has not read it by then is not going to.
 */
export const LINGER_MS = 5_000;

/** Bytes read and dropped in that time: an upload that is under way when the answer comes, but not a film. */
export const LINGER_BYTES = 16 * 1024 * 1024;

const MESSAGES: Record<UnavailableReason, string> = {
  "no-targets": "no target is registered, up and below its limit",
  "connect-failed": "every target that was tried refused or did not answer",
  "queue-full": "too many connections wait already",
  "queue-timeout": "no place became free in time",
  stopping: "the balancer is stopping",
};

export function messageFor(reason: UnavailableReason): string {
  return `Unavailable: ${MESSAGES[reason]}`;
}

/**
 * Delivers `text` whole: write, FIN, then drain what the client still sends. `lingering` is called after the FIN. Rejects
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
 * Lets `handler` answer, ends the socket once the handler is done, then drains as above. A handler that throws or rejects is
 * passed to `warn`, and its socket destroyed. Settles once the socket is closed, never rejects; whoever calls it destroys the
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
    drain(socket);
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

function drain(socket: ClientSocket): void {
  const limit = socket.bytesRead + LINGER_BYTES;
  socket.on("data", () => {
    if (socket.bytesRead > limit) socket.destroy();
  });
  socket.resume();
}
