/** The balancer under test: what it says, what it holds, and what can be done to its process. */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TargetView } from "../../src/pool/pool.ts";
import type { CloseRecord } from "../../src/proxy/record.ts";
import { portsOf } from "../support/cluster.ts";
import { temporaryFolder } from "../support/folder.ts";
import { field, isCloseRecord } from "../support/log.ts";
import type { LogLine } from "../support/program.ts";
import { until } from "../support/wait.ts";
import { plainDocument } from "./document.ts";
import { type Exit, LoggedProcess } from "./process.ts";
import { balancerFlags, type Settings } from "./settings.ts";
import { tcpSockets } from "./tcp-states.ts";

const ENGINE = process.env.HARMONY_TEST_ENGINE ?? "auto";

/** ms. Four threads on a machine that does much else. */
const LISTENING_MS = 60_000;
const RELOAD_MS = 30_000;

/** What its log shows at SIGUSR2. */
export interface Table {
  readonly targets: readonly TargetView[];
  readonly active: number;
  readonly waiting: number;
}

/** Open descriptors, by kind. */
export interface Descriptors {
  readonly sockets: number;
  readonly pipes: number;
  readonly others: number;
}

export interface BalancerEvents {
  readonly onRecord: (record: CloseRecord) => void;
  readonly onWrong: (what: string) => void;
}

export class Balancer {
  readonly process: LoggedProcess;
  readonly #events: BalancerEvents;
  readonly #file = join(temporaryFolder("chaos"), "balancer.toml");
  /** Reloads so far. */
  #reloads = 0;
  port = 0;
  adminPort = 0;
  /** Targets whose rows, and counts with them, may have begun anew. */
  readonly hasLeft = new Set<string>();
  /** How often each kind of warning came. */
  readonly warnings = new Map<string, number>();
  #table: Table | null = null;
  /** Troubles come one after the other. */
  #busy: Promise<void> = Promise.resolve();

  private constructor(settings: Settings, events: BalancerEvents) {
    this.#events = events;
    this.write(plainDocument(settings));
    const flags = [...balancerFlags(settings), "--config", this.#file, "--engine", ENGINE];
    this.process = new LoggedProcess("harmony-balancer", flags, (line) => this.#read(line));
  }

  /** Resolves when it listens. */
  static async start(settings: Settings, events: BalancerEvents): Promise<Balancer> {
    const balancer = new Balancer(settings, events);
    await until(
      "the balancer to listen",
      () => {
        if (balancer.process.exit) throw new Error(`it ended:\n${balancer.process.last.join("\n")}`);
        return balancer.port > 0;
      },
      LISTENING_MS,
    );
    return balancer;
  }

  get exit(): Exit | undefined {
    return this.process.exit;
  }

  /** Runs what happens to it once everything before is over. */
  inTurn(trouble: () => Promise<void>): Promise<void> {
    this.#busy = this.#busy.then(trouble);
    return this.#busy;
  }

  async table(): Promise<Table> {
    this.#table = null;
    this.process.signal("SIGUSR2");
    return until("the balancer's table", () => this.#table);
  }

  write(document: string): void {
    writeFileSync(this.#file, document);
  }

  /** Resolves when it has gone over to what stands in its file. */
  async reload(): Promise<void> {
    const before = this.#reloads;
    this.process.signal("SIGHUP");
    await until("a reload", () => this.#reloads > before || this.exit !== undefined, RELOAD_MS);
  }

  descriptors(): Descriptors {
    const links = this.#links();
    const count = (start: string) => links.filter((link) => link.startsWith(start)).length;
    const [sockets, pipes, gone] = [count("socket:"), count("pipe:"), links.filter((link) => link === "").length];
    return { sockets, pipes, others: links.length - sockets - pipes - gone };
  }

  /** Every socket that it has, for whoever has to find out which was left. */
  sockets(): string[] {
    const tcp = tcpSockets();
    const inodes = this.#links().flatMap((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1] ?? []);
    return inodes.map((inode) => tcp.get(inode) ?? "not IPv4");
  }

  #links(): string[] {
    const folder = `/proc/${this.process.pid}/fd`;
    return readdirSync(folder).map((fd) => {
      try {
        return readlinkSync(`${folder}/${fd}`);
      } catch (error) {
        void error; // closed since it was listed
        return "";
      }
    });
  }

  /** MiB. */
  residentMemory(): number {
    const status = readFileSync(`/proc/${this.process.pid}/status`, "utf8");
    return Number(/VmRSS:\s*(\d+) kB/.exec(status)![1]) / 1024;
  }

  /** Leaves it so many descriptors beyond those that it has now; null: as many as at first. False: that cannot be done here. */
  limitDescriptors(room: number | null): boolean {
    const hard = /Max open files\s+\d+\s+(\d+)/.exec(readFileSync(`/proc/${this.process.pid}/limits`, "utf8"))![1]!;
    const open = readdirSync(`/proc/${this.process.pid}/fd`).length;
    const soft = room === null ? hard : String(open + room);
    return spawnSync("prlimit", ["--pid", String(this.process.pid), `--nofile=${soft}:${hard}`]).status === 0;
  }

  #read(line: LogLine | string): void {
    if (typeof line === "string") {
      this.#events.onWrong(`the balancer wrote what is no line of its log: ${line}`);
    } else if (isCloseRecord(line)) {
      this.#events.onRecord(line.properties as CloseRecord);
    } else if (field(line, "targets") !== undefined) {
      this.#table = line.properties as Table;
    } else {
      this.#readEvent(line);
    }
  }

  #readEvent(line: LogLine): void {
    const { level, message } = line;
    if (message.startsWith("listening for clients")) {
      const { port, adminPort } = portsOf(line);
      this.adminPort = adminPort;
      this.port = port;
    }
    if (/^reloaded: (nothing|\d+ change)/.test(message)) this.#reloads++;
    if (/ has left: /.test(message)) this.hasLeft.add(String(field(line, "target")));
    // A balancer that was stopped for longer than its leases has rightly not heard of anybody.
    const isPanic = /^pool \S+ is in panic: /.test(message);
    if (isPanic) return void this.warnings.set("panic", (this.warnings.get("panic") ?? 0) + 1);
    if (/^ERR|^FATAL/i.test(level) || /\bfault\b|has died|TypeError|RangeError/.test(message)) {
      this.#events.onWrong(`the balancer said: ${message} ${JSON.stringify(line.properties)}`);
    } else if (/^WARN/i.test(level)) {
      const kind = message.replace(/\d+/g, "N");
      this.warnings.set(kind, (this.warnings.get(kind) ?? 0) + 1);
    }
  }
}
