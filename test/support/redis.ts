/** Real servers of Redis, or of Valkey in its place, each a process of its own with a folder of its own. */
import { mkdirSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { basename, join } from "node:path";
import { temporaryFolder } from "./folder.ts";
import type { Machine } from "./machine.ts";
import { freePorts, LOOPBACK } from "./ports.ts";
import { Program } from "./program.ts";
import { missing } from "./real-servers.ts";
import { until } from "./wait.ts";

/** What is started: at-valkey.ts says another one. */
const COMMAND = process.env.REDIS_SERVER || "redis-server";

/** What titles call it. */
export const REDIS: string = basename(COMMAND).startsWith("valkey") ? "Valkey" : "Redis";

/** Why tests cannot start one, or false. */
export const noRedis: string | false = missing(COMMAND, "--version");

export interface RedisOptions {
  /** Lines of its configuration. */
  readonly config?: readonly string[];
  /** A server that finds primaries, and not one that keeps something. */
  readonly sentinel?: boolean;
  /** The port, where it matters; else any that is free. */
  readonly port?: number;
  /** It speaks TLS alone, with these files. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly ca: string };
  /** It runs on that machine, and listens at that address. */
  readonly on?: { readonly machine: Machine; readonly address: string };
}

const started = new Set<RedisServer>();

/** Ends all of them. For `after()`. */
export async function endRedis(): Promise<void> {
  await Promise.all([...started].map((server) => server.kill()));
}

export class RedisServer {
  readonly port: number;
  readonly folder: string;
  readonly socket: string;
  readonly #options: RedisOptions;
  #program!: Program;

  static async start(options: RedisOptions = {}): Promise<RedisServer> {
    const server = new RedisServer(options, options.port ?? (await freePorts(1))[0]!);
    await server.start();
    return server;
  }

  private constructor(options: RedisOptions, port: number) {
    this.#options = options;
    this.port = port;
    this.folder = temporaryFolder("redis");
    this.socket = join(this.folder, "s");
    started.add(this);
  }

  /** Anew and empty, at the same places, where it has been killed. */
  async start(): Promise<void> {
    const { config = [], sentinel = false, tls, on } = this.#options;
    const file = join(this.folder, "redis.conf");
    const lines = [
      ...(tls === undefined ? [`port ${this.port}`] : tlsLines(this.port, tls)),
      ...(on === undefined ? [`bind ${LOOPBACK}`] : [`bind ${on.address}`, "protected-mode no"]),
      `dir ${this.folder}`,
      `unixsocket ${this.socket}`,
      ...(sentinel ? [] : ['save ""', "repl-diskless-sync-delay 0"]),
      ...config,
    ];
    mkdirSync(this.folder, { recursive: true });
    writeFileSync(file, `${lines.join("\n")}\n`);
    const command = [COMMAND, file, ...(sentinel ? ["--sentinel"] : [])];
    this.#program = on === undefined ? new Program(command) : on.machine.run(command);
    await until(`${REDIS} at port ${this.port}`, async () => {
      if (this.#program.exit) throw new Error(`${COMMAND} has ended: ${this.#program.stdout}`);
      return (await this.tell("PING").catch(() => "")) !== "";
    });
  }

  /** Over its Unix socket: what it answers to a line, as it comes, until that fits `end`. */
  tell(line: string, end: RegExp = /\r\n$/): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = connect({ path: this.socket });
      let answer = "";
      socket.setEncoding("utf8");
      socket.on("connect", () => socket.write(`${line}\r\n`));
      socket.on("error", reject);
      socket.on("close", () => reject(new Error(`${REDIS} has closed the connection: ${answer}`)));
      socket.on("data", (text) => {
        answer += text;
        if (!end.test(answer)) return;
        socket.removeAllListeners("close");
        socket.destroy();
        resolve(answer);
      });
    });
  }

  /** It answers nothing any more, and its connections stay. */
  stop(): void {
    this.#program.signal("SIGSTOP");
  }

  goOn(): void {
    this.#program.signal("SIGCONT");
  }

  /** It is gone, with all that it had. */
  kill(): Promise<void> {
    return this.#program.kill();
  }

  /** Lines of its configuration. */
  get config(): string {
    return (this.#options.config ?? []).join("\n");
  }
}

function tlsLines(port: number, { cert, key, ca }: NonNullable<RedisOptions["tls"]>): string[] {
  return [
    "port 0",
    `tls-port ${port}`,
    `tls-cert-file ${cert}`,
    `tls-key-file ${key}`,
    `tls-ca-cert-file ${ca}`,
    "tls-auth-clients no",
  ];
}
