/** A balancer from its start to its end: rounds of clients and troubles, and after each a quiet moment to look at it. */
import { setTimeout as delay } from "node:timers/promises";
import { removeFolders } from "../support/folder.ts";
import { Random } from "../support/kernel/random.ts";
import { freePorts } from "../support/ports.ts";
import type { LogLine } from "../support/program.ts";
import { standstill, until } from "../support/wait.ts";
import { Balancer, type Descriptors } from "./balancer.ts";
import { Bound } from "./bound.ts";
import { Ledger } from "./ledger.ts";
import { type ConversationPlan, planConversation, planOfStorm } from "./plan.ts";
import { assertQuiet, partedWithin } from "./quiet.ts";
import { assertPermits } from "./roll-call.ts";
import { drawSettings, type Settings } from "./settings.ts";
import { Target } from "./target.ts";
import { drawTroubles, happen, type Trouble } from "./troubles.ts";

export interface LifeOptions {
  readonly seed: number;
  /** ms that a round lasts. */
  readonly roundMs: number;
  /** As many clients as there would be otherwise, times this. */
  readonly crowd: number;
  /** The program can send resets. */
  readonly resets: boolean;
  readonly onWrong: (what: string) => void;
  readonly say: (text: string) => void;
}

interface Round {
  readonly clients: readonly ConversationPlan[];
  readonly troubles: readonly Trouble[];
}

/** How a life may end: in a quiet moment, or under way. */
const ENDINGS = ["stopped when quiet", "stopped under load", "killed under load"] as const;
const CROWDS = [50, 200, 500];
const STORMS = [50, 150, 300];
const SERVICES = 3;
/** What a stop may take beyond the drain time-out. */
const STOP_MS = 5_000;

export class Life {
  readonly settings: Settings;
  readonly ledger: Ledger;
  readonly options: LifeOptions;
  balancer!: Balancer;
  targets: Target[] = [];
  /** When there was nobody yet. */
  baseline!: Descriptors;
  /** MiB, the least that it had in a quiet moment. */
  leastMemory = Number.POSITIVE_INFINITY;
  /** Where services come and go beside the pool that clients come to. */
  #ports: readonly number[] = [];
  readonly #random: Random;
  readonly #total: Bound;

  constructor(options: LifeOptions) {
    const { onWrong, resets, seed } = options;
    this.options = options;
    this.#random = new Random(seed);
    this.settings = drawSettings(this.#random);
    const { concurrency, idleTimeout, unavailable } = this.settings;
    this.ledger = new Ledger({
      unavailable: unavailable === null ? null : Buffer.from(unavailable),
      resets,
      idleTimeout,
      onWrong,
    });
    this.#total = new Bound({ name: "the balancer", limit: Math.max(concurrency, 0), resets, onWrong });
  }

  /** Lives for some rounds, or until `over`. */
  async run(over: () => boolean): Promise<void> {
    const { say, seed } = this.options;
    const { targets, unavailable, ...settings } = this.settings;
    say(
      `a life with SEED=${seed}: ${JSON.stringify({ ...settings, unavailable: unavailable?.length ?? null, targets })}`,
    );
    try {
      await this.#start();
      const rounds = this.#random.between(1, 12);
      for (let round = 1; round <= rounds && !over(); round++) {
        await this.#round(this.#drawRound());
        await this.#calm();
        await partedWithin(this, "nothing");
        await assertQuiet(this);
        await assertPermits(this);
        await assertQuiet(this);
        this.#report(round);
      }
      await this.#end();
    } catch (error) {
      this.options.onWrong(
        `${(error as Error).message}\nthe balancer's last words:\n${this.balancer?.process.last.join("\n")}`,
      );
    } finally {
      await Promise.all(this.targets.map((target) => target.end()));
      await this.balancer?.process.kill();
      removeFolders();
      for (const { client } of this.ledger.all) client.crash();
    }
  }

  async #start(): Promise<void> {
    const { onWrong, resets } = this.options;
    this.balancer = await Balancer.start(this.settings, {
      onRecord: (record) => this.ledger.recorded(record),
      onWrong,
    });
    const { adminPort } = this.balancer;
    const ports = await freePorts(this.settings.targets.length + SERVICES);
    this.#ports = ports.splice(-SERVICES);
    this.targets = this.settings.targets.map((each, i) => {
      const find = (id: number) => this.ledger.find(id);
      const onReporterLine = (line: LogLine | string) => this.#reporterSaid(line);
      const total = this.#total;
      return new Target({ ...each, port: ports[i]!, adminPort, resets, total, find, onReporterLine, onWrong });
    });
    await this.#calm();
    await until("the targets to be up", () => this.#allUp());
    // Those of the looks that it took at its new targets are on their way out.
    await standstill("the balancer's sockets", () => this.balancer.descriptors().sockets);
    this.baseline = this.balancer.descriptors();
  }

  #drawRound(): Round {
    const random = this.#random.fork();
    const { crowd, roundMs } = this.options;
    const count = (numbers: readonly number[]) => Math.ceil(random.pick(numbers) * crowd);
    const clients = Array.from({ length: count(CROWDS) }, () => planConversation(random, random.below(roundMs)));
    for (let storms = random.below(3); storms > 0; storms--) {
      const at = random.below(roundMs);
      for (let i = count(STORMS); i > 0; i--) clients.push(planOfStorm(random, at));
    }
    return { clients, troubles: drawTroubles(random, roundMs, this.targets.length, this.#ports) };
  }

  /** Resolves when its time is over and its troubles are. */
  async #round({ clients, troubles }: Round): Promise<void> {
    const later = (at: number, what: () => unknown) => delay(at).then(what);
    const { port } = this.balancer;
    for (const plan of clients) void later(plan.at, () => this.ledger.begin(plan, port));
    await Promise.all([
      delay(this.options.roundMs + 100),
      ...troubles.map((trouble) => later(trouble.at, () => happen(trouble, this.balancer, this.targets))),
    ]);
  }

  /** Everything is as it should be, from here on. */
  async #calm(): Promise<void> {
    for (const target of this.targets) {
      await target.heal();
      target.report();
    }
  }

  async #allUp(): Promise<boolean> {
    if (this.balancer.exit) throw new Error(`the balancer has ended: ${JSON.stringify(this.balancer.exit)}`);
    const { targets } = await this.balancer.table();
    return targets.length === this.targets.length && targets.every(({ state }) => state === "up");
  }

  async #end(): Promise<void> {
    const how = this.#random.pick(ENDINGS);
    const { balancer } = this;
    let round: Promise<void> | undefined;
    if (how !== "stopped when quiet") {
      round = this.#round({ clients: this.#drawRound().clients, troubles: [] });
      await delay(this.options.roundMs / 2);
    }
    if (how === "killed under load") {
      await balancer.process.kill();
    } else {
      balancer.process.signal("SIGTERM");
      const patience = this.settings.drainTimeout + STOP_MS;
      const exit = await Promise.race([balancer.process.exited, delay(patience)]);
      if (exit?.code !== 0) throw new Error(`SIGTERM, and ${patience} ms later: ${JSON.stringify(exit ?? "no end")}`);
    }
    await round;
    if (round !== undefined) await partedWithin(this, how === "killed under load" ? "kill" : "stop");
    this.options.say(`  ${how}`);
  }

  #reporterSaid(line: LogLine | string): void {
    const bad = typeof line === "string" || /^ERR|^FATAL/i.test(line.level) || /\bfault\b|TypeError/.test(line.message);
    if (bad) this.options.onWrong(`a reporter said: ${typeof line === "string" ? line : line.message}`);
  }

  #report(round: number): void {
    const { balancer, ledger } = this;
    const { sockets, pipes, others } = balancer.descriptors();
    const most = this.targets.map(({ bound }) => bound.most).join("/");
    this.options.say(
      `  round ${round}: ${ledger.begun} clients, ${ledger.served} served, at most ${this.#total.most} at once (${most}); ` +
        `${sockets} sockets, ${pipes} pipes, ${others} others, ${Math.round(balancer.residentMemory())} MiB`,
    );
  }
}
