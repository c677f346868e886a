/**
 * For the tests of what each flag does: command lines read as the programs read them, then run in this process. What the
 * programs put around it (logs, signals, exit codes) is tested with processes elsewhere.
 */
import { once } from "node:events";
import { Balancer } from "../../src/app/balancer.ts";
import { Reporter } from "../../src/app/reporter.ts";
import { type Command, loadBalancer, loadReporter } from "../../src/config/load.ts";
import type { Connection } from "../../src/net/runtime.ts";
import type { CloseRecord } from "../../src/proxy/record.ts";
import { dial, endServers, exchange, greeter, serve, type TestServer } from "../support/peers.ts";
import { lines } from "../support/stream.ts";
import { until, within } from "../support/wait.ts";

/** What the reporters' key allows beside what any key does. */
const ALLOWED = "advertise=127.0.0.0/8 listen=1024-65535 options=algorithm";
export const KEY = "effects:a-key-that-only-these-tests-use";
/** ms. What a flag shortens takes far longer by default: a flag without effect fails the test within this time. */
const PATIENCE_MS = 4_000;

const open: { close(): unknown }[] = [];

/** Ends everything. For `after()`. */
export async function endEffects(): Promise<void> {
  await Promise.all(open.splice(0).map((each) => each.close()));
  await endServers();
}

/** Closed by endEffects(). */
export function closeLater<T extends { close(): unknown }>(resource: T): T {
  open.push(resource);
  return resource;
}

export class TestBalancer {
  readonly balancer: Balancer;
  readonly records: CloseRecord[] = [];

  constructor(args: readonly string[]) {
    this.balancer = new Balancer(
      settingsOf(loadBalancer, ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", ...args]),
    );
    this.balancer.on("connectionClose", (record) => this.records.push(record));
    closeLater({ close: () => this.balancer.close(0) });
  }

  get port(): number {
    return this.balancer.addresses[0]!.port;
  }

  get adminPort(): number {
    return this.balancer.adminAddresses[0]!.port;
  }

  /** All that a client gets on a connection of its own. */
  ask(): Promise<string> {
    return soon("an answer", exchange(this.port, ""));
  }

  /** What `count` clients get, one after the other; each has gone before the next comes. */
  async answers(count: number): Promise<string[]> {
    const got: string[] = [];
    for (let i = 0; i < count; i++) {
      const ended = this.records.length + 1;
      got.push(await this.ask());
      await until("the connection's end", () => this.records.length >= ended);
    }
    return got;
  }

  /** A client that a target has greeted with its name, and that stays. */
  async hold(): Promise<{ readonly name: string; readonly connection: Connection }> {
    const connection = await this.knock();
    const name = await soon("a greeting", lines(connection)());
    return { name: name ?? "", connection };
  }

  /** A client that is connected to the balancer, and that says nothing. */
  async knock(): Promise<Connection> {
    const connection = await dial(this.port);
    closeLater({ close: () => connection.abort() });
    return connection;
  }

  /** Once the balancer sees that many. */
  async sees(what: "active" | "waiting", count: number): Promise<void> {
    await until(`${count} ${what}`, () => this.balancer.connections[what] === count, PATIENCE_MS);
  }

  /** The record of a connection that ended so. */
  record(cause: CloseRecord["cause"]): Promise<CloseRecord> {
    const find = () => this.records.find((record) => record.cause === cause);
    return until(`a connection that ended by ${cause}`, find, PATIENCE_MS);
  }
}

/** Resolves when it listens. */
export async function balancerWith(...args: readonly string[]): Promise<TestBalancer> {
  const started = new TestBalancer(args);
  await started.balancer.ready;
  return started;
}

/** Does not wait for anything. */
export function reporterWith(...args: readonly string[]): Reporter {
  return closeLater(new Reporter(settingsOf(loadReporter, args)));
}

/** Resolves when the balancer has taken the target in. */
export async function report(to: TestBalancer, port: number, ...args: readonly string[]): Promise<Reporter> {
  const reporter = reporterWith("--host", `127.0.0.1:${to.adminPort}`, "--port", String(port), ...args);
  await soon("the registration", reporter.ready);
  return reporter;
}

/** A registered target that the balancer has reached: see `namedServer`. */
export async function target(to: TestBalancer, name: string, ...args: readonly string[]): Promise<TestServer> {
  const server = await namedServer(name);
  await report(to, server.port, ...args);
  const { port } = server;
  const isUp = () =>
    to.balancer.targets().some(({ address, state }) => "port" in address && address.port === port && state === "up");
  await until(`the target ${name}, reached`, isUp);
  return server;
}

/** Says its name in a line, and leaves when its client does. */
export function namedServer(name: string): Promise<TestServer> {
  return serve(greeter(`${name}\n`));
}

/** Fails when the promise has not settled long before the defaults would have settled it. */
export function soon<T>(what: string, promise: Promise<T>): Promise<T> {
  return within(what, promise, PATIENCE_MS);
}

/** The first event of that name, in time. */
export function event(of: Balancer | Reporter, name: string): Promise<unknown[]> {
  return soon(`the event ${name}`, once(of, name));
}

function settingsOf<S>(
  load: (invocation: Parameters<typeof loadBalancer>[0]) => Command<S>,
  argv: readonly string[],
): S {
  const program = { name: "test", usage: "", summary: "", footer: "" };
  // Without a wait for the first target unless a test asks for it: many want the answer of a balancer that has none.
  const command = load({
    argv,
    environment: {
      HARMONY_KEY: `${KEY} ${ALLOWED}`,
      HARMONY_START_HOLD: "0",
      HARMONY_API: "off",
      HARMONY_STATUS_SOCKET: "off",
    },
    program,
  });
  if (command.action !== "run") throw new Error(`${argv.join(" ")} runs nothing`);
  return command.settings;
}
