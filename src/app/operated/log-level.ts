/** How much the program logs, where an operator has ordered something else than its configuration says. */
import { badRequest } from "../../admin/api/problem.ts";
import type { Status } from "../../admin/api/schemas/status.ts";
import { type LogLevels, logLevels } from "../../config/log-levels.ts";
import type { StateFile } from "../state/state-file.ts";
import { type Operable, settingsOf } from "./operable.ts";

export class LogLevel {
  readonly #balancer: Operable;
  readonly #kept: Pick<StateFile, "logLevel" | "keep">;

  constructor(balancer: Operable) {
    this.#balancer = balancer;
    this.#kept = balancer.parts.state ?? { logLevel: null, keep: () => Promise.resolve() };
  }

  get inForce(): LogLevels {
    return this.#kept.logLevel?.level ?? settingsOf(this.#balancer).logLevel;
  }

  get shown(): Status["logLevel"] {
    const configured = logLevels.format(settingsOf(this.#balancer).logLevel);
    return { configured, ordered: orderedText(this.#kept) };
  }

  /** One that was ordered before this balancer has started is told of, as if it had been ordered now. */
  start(): void {
    const { logLevel } = this.#kept;
    if (logLevel !== null) this.#balancer.tell("logLevel", orderedText(this.#kept), logLevel.by);
  }

  /** In force at once, and then kept. As --log-level takes it; null takes it back. `by`: who orders it. Rejects with `BAD_REQUEST`. */
  async order(text: string | null, by: string): Promise<void> {
    this.#kept.logLevel = text === null ? null : { level: parsed(text), by };
    this.#balancer.tell("logLevel", orderedText(this.#kept), by);
    await this.#kept.keep();
  }
}

function orderedText({ logLevel }: Pick<StateFile, "logLevel">): string | null {
  return logLevel && logLevels.format(logLevel.level);
}

function parsed(text: string): LogLevels {
  const level = logLevels.parse(text);
  if (level === null) throw badRequest(`"level" is ${JSON.stringify(text.slice(0, 40))}: give ${logLevels.allowed}`);
  return level.value;
}
