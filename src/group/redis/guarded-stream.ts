/** A socket as the client library is handed it: what the guard does not take never reaches the library, and ends the socket. */
import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import type { AnswerGuard } from "./answer-guard.ts";

export class GuardedStream extends Duplex {
  readonly #socket: Socket;

  /** The socket is connected. `onProblem`: what the guard has found; the stream then ends. */
  constructor(socket: Socket, guard: AnswerGuard, onProblem: (problem: string) => void) {
    super({ decodeStrings: true });
    this.#socket = socket;
    socket.on("data", (chunk: Uint8Array) => {
      const problem = guard.accept(chunk);
      if (problem !== null) {
        onProblem(problem);
        this.destroy();
        return;
      }
      for (const bytes of guard.passed) if (!this.push(bytes)) socket.pause();
    });
    socket.on("end", () => this.push(null));
    // Errors that come late, as after a reset, are nobody's any more, but must not be thrown.
    socket.on("error", (error) => this.destroy(error));
    socket.on("close", () => this.destroy());
  }

  setKeepAlive(on: boolean, ms: number): void {
    this.#socket.setKeepAlive(on, ms);
  }

  setNoDelay(on: boolean): void {
    this.#socket.setNoDelay(on);
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(chunk: Uint8Array, _: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#socket.write(chunk, done);
  }

  /** Commands of one turn go together. */
  override _writev(chunks: { chunk: Uint8Array }[], done: (error?: Error | null) => void): void {
    this.#socket.write(Buffer.concat(chunks.map(({ chunk }) => chunk)), done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#socket.end(() => done());
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#socket.destroy();
    done(error);
  }
}
