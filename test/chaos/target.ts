/** A server that plays the targets' part of conversations, can get into every kind of trouble, and has a reporter beside it. */
import { createServer, type Server, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { type BlackHole, openBlackHole } from "../support/black-hole.ts";
import { LOOPBACK } from "../support/ports.ts";
import type { LogLine } from "../support/program.ts";
import { Bound } from "./bound.ts";
import { type Conversation, HEADER_BYTES, readHeader } from "./conversation.ts";
import { type End, reset } from "./end.ts";
import { LoggedProcess } from "./process.ts";

export interface TargetOptions {
  readonly port: number;
  readonly weight: number;
  /** 0: no limit. */
  readonly maxConnections: number;
  readonly adminPort: number;
  readonly resets: boolean;
  /** For all targets together. */
  readonly total: Bound;
  readonly find: (id: number) => Conversation | undefined;
  readonly onReporterLine: (line: LogLine | string) => void;
  readonly onWrong: (what: string) => void;
}

export class Target {
  readonly options: TargetOptions;
  readonly bound: Bound;
  /** Those that have not said yet which conversation they are. */
  readonly #strangers = new Set<Socket>();
  readonly #ends = new Set<End>();
  #server: Server | null = null;
  #blackHole: BlackHole | null = null;
  #reporter: LoggedProcess | null = null;
  /** Troubles come one after the other. */
  #busy: Promise<void> = Promise.resolve();

  constructor(options: TargetOptions) {
    const { maxConnections, onWrong, port, resets } = options;
    this.options = options;
    this.bound = new Bound({ name: `the target on ${port}`, limit: maxConnections, resets, onWrong });
  }

  get name(): string {
    return String(this.options.port);
  }

  get reporter(): LoggedProcess | null {
    return this.#reporter;
  }

  /** Runs what happens to it once everything before is over. */
  inTurn(trouble: () => Promise<void>): Promise<void> {
    this.#busy = this.#busy.then(trouble);
    return this.#busy;
  }

  /** Accepts connections again, whatever it did before. */
  async heal(): Promise<void> {
    await this.#blackHole?.close();
    this.#blackHole = null;
    if (this.#server !== null) return;
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#accept(socket));
    this.#server = server;
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen({ host: LOOPBACK, port: this.options.port }, resolve);
    });
  }

  /** Accepts nothing more, and refuses; what is open goes on. */
  refuse(): void {
    this.#server?.close();
    this.#server = null;
  }

  /** As if its process had died. */
  crash(): void {
    this.refuse();
    for (const socket of this.#strangers) if (!reset(socket)) socket.destroy();
    for (const end of this.#ends) end.crash();
  }

  /** Neither accepts nor refuses. */
  async fallSilent(): Promise<void> {
    this.refuse();
    if (this.#blackHole === null) this.#blackHole = await openBlackHole(undefined, this.options.port);
  }

  report(): void {
    if (this.#reporter !== null && this.#reporter.exit === undefined) return;
    const { adminPort, maxConnections, onReporterLine, port, weight } = this.options;
    const limit = maxConnections > 0 ? ["--max-connections", String(maxConnections)] : [];
    const where = ["--host", `127.0.0.1:${adminPort}`, "--port", String(port)];
    const rest = ["--balance", String(weight), "--drain-timeout", "1s", ...limit];
    this.#reporter = new LoggedProcess("harmony-reporter", [...where, ...rest], onReporterLine);
  }

  /** Resolves when its reporter has ended, which was told to. */
  async reporterGone(patience: number): Promise<void> {
    const reporter = this.#reporter;
    if (reporter === null) return;
    // A signal that comes before a program listens for it ends it as it ends any.
    const listens = reporter.last.length > 0;
    const exit = await Promise.race([reporter.exited, delay(patience)]);
    if (listens && exit?.code !== 0)
      this.options.onWrong(`a reporter was told to stop: ${JSON.stringify(exit ?? "it stays")}`);
    await reporter.kill();
  }

  /** Ends everything, its reporter included. */
  async end(): Promise<void> {
    this.crash();
    await this.#blackHole?.close();
    await this.#reporter?.kill();
  }

  #accept(socket: Socket): void {
    this.#strangers.add(socket);
    socket.once("close", () => this.#strangers.delete(socket));
    socket.on("error", () => undefined);
    let header = Buffer.alloc(0);
    const onEnd = (): void => {
      socket.end();
    };
    const onData = (bytes: Buffer): void => {
      header = Buffer.concat([header, bytes]);
      if (header.length < HEADER_BYTES) return;
      socket.off("data", onData).off("end", onEnd);
      this.#begin(socket, header);
    };
    socket.on("data", onData).on("end", onEnd);
  }

  #begin(socket: Socket, bytes: Buffer): void {
    const id = readHeader(bytes);
    if (id === undefined) {
      const hex = bytes.subarray(0, HEADER_BYTES).toString("hex");
      this.options.onWrong(`the target on ${this.name} got bytes that are no conversation's beginning: ${hex}`);
    }
    const conversation = id === undefined ? undefined : this.options.find(id);
    if (conversation === undefined) {
      socket.resetAndDestroy();
      return;
    }
    this.#strangers.delete(socket);
    const end = conversation.reached(this.name, socket, bytes.subarray(HEADER_BYTES));
    this.#ends.add(end);
    void end.done.then(() => this.#ends.delete(end));
    const guest = { end, isCut: () => conversation.record !== null };
    this.bound.add(guest);
    this.options.total.add(guest);
  }
}
