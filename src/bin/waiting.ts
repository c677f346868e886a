/** Waits until targets have no connection any more, and shows on a terminal how many are left. */
import type { Target } from "../admin/api/schemas/targets.ts";
import type { ApiClient } from "../admin/client.ts";
import { counted } from "../util/counted.ts";
import { codeOf, messageOf } from "../util/errors.ts";
import { note } from "./command.ts";
import { EXIT_INTERRUPTED } from "./exit-codes.ts";
import { write } from "./output.ts";
import { paperOf } from "./terminal/paper.ts";
import { spanText } from "./terminal/units.ts";

/** Soon enough for whoever waits in front of it, and one answer a pool each time. */
const LOOK_MS = 500;
/** Columns of a bar: fine enough to see it move. */
const BAR = 30;
const CLEAR_LINE = "\r\x1b[K";

export interface Waited {
  /** As they were last; one that has left has none. */
  readonly targets: readonly Target[];
  /** Connections. */
  readonly left: number;
  readonly ms: number;
}

/** None, where the pool is gone. */
async function targetsOf(client: ApiClient, pool: string): Promise<readonly Target[]> {
  try {
    return (await client.get<{ items: Target[] }>("/v1/targets", { pool })).items;
  } catch (error) {
    if (codeOf(error) === "NO_POOL") return [];
    throw error;
  }
}

export class Waiting {
  readonly #client: ApiClient;
  readonly #timeout: number;
  readonly #begun = performance.now();
  readonly #paper = paperOf(process.stderr, process.env, process.platform);
  #targets: readonly Target[];
  #most: number;
  #isLost = false;

  /** `timeout`: ms, 0 for ever. */
  constructor(client: ApiClient, targets: readonly Target[], timeout: number) {
    this.#client = client;
    this.#targets = targets;
    this.#timeout = timeout;
    this.#most = this.#left;
  }

  async end(): Promise<Waited> {
    const interrupted = () => {
      this.#clear();
      note("not waited for: the order stays, until harmony-balancer ready takes it back");
      process.exit(EXIT_INTERRUPTED);
    };
    process.on("SIGINT", interrupted);
    if (!this.#paper.isTerminal && this.#left > 0) note(`waiting for ${counted(this.#left, "connection")} to finish`);
    while (this.#left > 0 && !this.#isOver) {
      this.#show();
      await new Promise((resolve) => setTimeout(resolve, this.#pause));
      await this.#look();
    }
    process.off("SIGINT", interrupted);
    this.#clear();
    return { targets: this.#targets, left: this.#left, ms: this.#passed };
  }

  #clear(): void {
    if (this.#paper.isTerminal) write(process.stderr, CLEAR_LINE);
  }

  get #left(): number {
    return this.#targets.reduce((sum, { active }) => sum + active, 0);
  }

  get #passed(): number {
    return performance.now() - this.#begun;
  }

  get #isOver(): boolean {
    return this.#timeout > 0 && this.#passed >= this.#timeout;
  }

  get #pause(): number {
    return this.#timeout === 0 ? LOOK_MS : Math.max(1, Math.min(LOOK_MS, this.#timeout - this.#passed));
  }

  /** A balancer that restarts is waited for: the order outlasts that, and its connections end with it. */
  async #look(): Promise<void> {
    try {
      const pools = [...new Set(this.#targets.map(({ pool }) => pool))];
      const lists = await Promise.all(pools.map((pool) => targetsOf(this.#client, pool)));
      const now = new Map(lists.flat().map((target) => [target.id, target]));
      this.#targets = this.#targets.map((target) => now.get(target.id) ?? { ...target, active: 0 });
      this.#most = Math.max(this.#most, this.#left);
      this.#isLost = false;
    } catch (error) {
      if (!(error as { retry?: boolean }).retry) throw error;
      if (!this.#isLost) {
        this.#clear();
        note(`${messageOf(error)}; waiting for it`);
      }
      this.#isLost = true;
    }
  }

  #show(): void {
    if (!this.#paper.isTerminal) return;
    const done = Math.round((BAR * (this.#most - this.#left)) / this.#most);
    const [full, empty] = this.#paper.unicode ? ["█", "░"] : ["#", "."];
    const bar = full!.repeat(done) + empty!.repeat(BAR - done);
    const text = `${bar} ${this.#left} of ${this.#most} connections left, ${spanText(this.#passed)}`;
    write(process.stderr, CLEAR_LINE + text.slice(0, this.#paper.columns - 1));
  }
}
