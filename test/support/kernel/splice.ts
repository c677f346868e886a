/** splice() between a pipe and a socket, or two pipes, as fs/splice.c does it. */
import { EAGAIN, EINVAL, EPIPE } from "../../../src/engines/linux/sys/abi.ts";
import { type File, Socket } from "./file.ts";
import { SPLICE_F_MORE } from "./numbers.ts";
import { type Pipe, PipeEnd } from "./pipe.ts";

/** Slots that go to a socket in one piece. */
const SLOTS_AT_ONCE = 16;

export function splice(from: File, to: File, length: number, flags: number): number {
  if (length === 0) return 0;
  if (from instanceof PipeEnd) {
    if (to instanceof PipeEnd) return from.pipe === to.pipe ? -EINVAL : pipeToPipe(from.pipe, to.pipe, length);
    return to instanceof Socket ? pipeToSocket(from.pipe, to, length, flags) : -EINVAL;
  }
  if (!(to instanceof PipeEnd) || !(from instanceof Socket)) return -EINVAL;
  return socketToPipe(from, to.pipe, length);
}

function socketToPipe(socket: Socket, pipe: Pipe, length: number): number {
  if (pipe.readers === 0) return -EPIPE;
  if (pipe.full) return -EAGAIN;
  return socket.spliceOut(
    Math.min(length, pipe.spliceLimit),
    () => pipe.roomForPiece,
    (chunk) => pipe.accept(chunk),
  );
}

function pipeToSocket(pipe: Pipe, socket: Socket, length: number, flags: number): number {
  if (pipe.held === 0) return pipe.writers === 0 ? 0 : -EAGAIN;
  let spliced = 0;
  while (spliced < length && pipe.held > 0) {
    const chunks: Uint8Array[] = [];
    let left = length - spliced;
    for (const { bytes } of pipe.slots.slice(0, SLOTS_AT_ONCE)) {
      if (left === 0) break;
      chunks.push(bytes.subarray(0, left));
      left -= chunks.at(-1)!.length;
    }
    const more = (flags & SPLICE_F_MORE) !== 0 || (left > 0 && pipe.slots.length > SLOTS_AT_ONCE);
    const sent = socket.sendChunks(chunks, more);
    if (sent <= 0) return spliced > 0 ? spliced : sent;
    pipe.consume(sent);
    spliced += sent;
  }
  return spliced;
}

function pipeToPipe(from: Pipe, to: Pipe, length: number): number {
  if (from.held === 0) return from.writers === 0 ? 0 : -EAGAIN;
  if (to.readers === 0) return -EPIPE;
  if (to.full) return -EAGAIN;
  let spliced = 0;
  while (spliced < length && from.held > 0 && !to.full) {
    const chunk = from.slots[0]!.bytes.subarray(0, length - spliced);
    to.accept(chunk);
    from.consume(chunk.length);
    spliced += chunk.length;
  }
  return spliced;
}
