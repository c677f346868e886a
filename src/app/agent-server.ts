/**
 * What a reporter tells balancers that ask agents: HAProxy's agent-check protocol. Whoever connects gets a line that says how the target
 * is, and nothing else; nothing that he sends is read for its sense.
 */
import { runtime } from "#runtime";
import { expandLocalhost } from "../config/address-kinds.ts";
import { wholeWeight } from "../config/balance-kind.ts";
import { hasIpv6Loopback, type ReporterSettings } from "../config/settings.ts";
import type { TargetSettings } from "../config/target-options.ts";
import { gathering } from "../net/gathering.ts";
import { discardRest } from "../net/line-channel.ts";
import type { Connection, Listener, TcpAddress } from "../net/runtime.ts";
import { systemClock } from "../util/clock.ts";
import { messageOf } from "../util/errors.ts";
import type { Reporter, TargetNow } from "./reporter.ts";

type AgentTarget = Pick<TargetSettings, "balance" | "maxConnections">;

/** Those who have been answered and do not close. Whoever comes when there are so many takes the place of the first of them. */
const MOST = 64;
/** ms for taking the line and closing. */
const FAREWELL_MS = 2_000;
const UNPRINTABLE = /[^\x20-\x7e]/g;

/** `ready up 50% maxconn:100`: every word each time, since what a word has changed stays so until another one changes it. */
export function agentLine(now: TargetNow, { balance, maxConnections }: AgentTarget): string {
  const { health, reason = "", weight, drain } = now;
  const state = drain ? "drain" : "ready";
  if (health === "down") return `${state} down #${reason.replaceAll(UNPRINTABLE, "?")}`;
  const whole = wholeWeight(balance);
  const percent = whole === 0 ? 0 : Math.round((100 * weight) / whole);
  const limit = maxConnections === 0 ? "" : ` maxconn:${maxConnections}`;
  return `${state} up ${percent}%${limit}`;
}

/** Before there is a reporter. */
const STARTING = "ready down #the server that the reporter runs accepts no connections yet";

export class AgentServer {
  readonly #settings: Pick<ReporterSettings, "targets">;
  readonly #listeners: Listener[] = [];
  readonly #connections = new Set<Connection>();
  #reporter: Pick<Reporter, "now"> | null = null;

  private constructor(settings: Pick<ReporterSettings, "targets">) {
    this.#settings = settings;
  }

  /** Rejects with NetError where one of its ports cannot be bound, and none is then. */
  static async open(
    settings: Pick<ReporterSettings, "targets">,
    warn: (message: string) => void,
  ): Promise<AgentServer> {
    const server = new AgentServer(settings);
    try {
      for (const [index, { agentPort }] of settings.targets.entries()) await server.#listen(index, agentPort, warn);
    } catch (error) {
      await server.close();
      throw error;
    }
    return server;
  }

  /** Whose targets it tells of, from now on. */
  show(reporter: Pick<Reporter, "now">): void {
    this.#reporter = reporter;
  }

  /** Never rejects. */
  async close(): Promise<void> {
    for (const connection of this.#connections) connection.abort();
    await Promise.all(this.#listeners.map((listener) => listener.close()));
  }

  async #listen(index: number, addresses: readonly TcpAddress[], warn: (message: string) => void): Promise<void> {
    for (const { host, port } of expandLocalhost(addresses, hasIpv6Loopback())) {
      const listener = await runtime.listen(
        { host, port },
        (connection) => void this.#answer(index, connection),
        (error) => warn(`${messageOf(error)}, so that agent checks are not answered`),
      );
      this.#listeners.push(listener);
    }
  }

  async #answer(index: number, connection: Connection): Promise<void> {
    this.#makeRoom();
    this.#connections.add(connection);
    const late = setTimeout(() => connection.abort(), FAREWELL_MS);
    try {
      await connection.write(Buffer.from(`${this.#line(index)}\n`));
      await connection.closeWrite();
      await discardRest(connection, gathering(connection, systemClock));
    } catch {
      connection.abort(); // it has gone without the answer
    } finally {
      clearTimeout(late);
      this.#connections.delete(connection);
    }
  }

  #makeRoom(): void {
    const [first] = this.#connections;
    if (first === undefined || this.#connections.size < MOST) return;
    this.#connections.delete(first);
    first.abort();
  }

  #line(index: number): string {
    return this.#reporter === null ? STARTING : agentLine(this.#reporter.now(index), this.#settings.targets[index]!);
  }
}
