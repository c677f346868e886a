/** A balancer and reporters as processes, with a key of their own, on free ports of this machine. */
import type { TestContext } from "node:test";
import { form, onDeno } from "./form.ts";
import { field } from "./log.ts";
import { type LogLine, type Program, type StartOptions, start } from "./program.ts";

/** The engine under test; the runner sets it to test one that `auto` would not take. */
const ENGINE = process.env.HARMONY_TEST_ENGINE ?? "auto";

/** Deno's own sockets know no reset: where they serve the clients, a connection that is cut ends like any other. */
export const cutsWithReset: boolean = !onDeno || (ENGINE !== "portable" && process.platform === "linux");

export const KEY = "blackbox:a-key-that-only-these-tests-use";

export interface Balancer {
  readonly program: Program;
  /** Where clients connect. */
  readonly port: number;
  readonly adminPort: number;
}

export interface BalancerOptions extends StartOptions {
  /** 0 is any free port; a restart gives the ones of before. */
  readonly port?: number;
  readonly adminPort?: number;
}

/**
 * Resolves when it listens. Persistence is off unless asked for, since everything here comes from one address, and so is the wait for
 * the first target, since many tests want the answer of a balancer that has none.
 */
export async function startBalancer(args: readonly string[] = [], options: BalancerOptions = {}): Promise<Balancer> {
  const { port = 0, adminPort = 0, env, ...rest } = options;
  const places = ["--listen", `127.0.0.1:${port}`, "--admin", `127.0.0.1:${adminPort}`];
  const common = ["--log-format", "json", "--log-level", "debug", "--persistent", "off", "--engine", ENGINE];
  const program = start("harmony-balancer", [...places, ...common, ...args], {
    ...rest,
    env: { HARMONY_KEY: KEY, HARMONY_START_HOLD: "0", ...env },
  });
  const line = await program.says(/listening/i);
  return { program, ...portsOf(line) };
}

/** null: here it cannot listen with TLS, and the test is skipped. */
export async function startWithTls<T>(t: TestContext, start: () => Promise<T>): Promise<T | null> {
  try {
    return await start();
  } catch (error) {
    if (form !== "deno" || !/Invalid port/.test((error as Error).message)) throw error;
    t.skip("the base of the compiled program is a Deno whose node:tls cannot listen so");
    return null;
  }
}

/** The ports that a balancer says it listens on. */
export function portsOf(line: LogLine): { port: number; adminPort: number } {
  const port = (name: string) => Number(/\d+$/.exec((field(line, name) as string[])[0]!)![0]);
  return { port: port("clients"), adminPort: port("reporters") };
}

/** Does not wait: see `startReporter`. `targetPort`: null where `args` say it. */
export function launchReporter(
  adminPorts: readonly number[],
  targetPort: number | null,
  args: readonly string[] = [],
): Program {
  const hosts = adminPorts.flatMap((port) => ["--host", `127.0.0.1:${port}`]);
  const target = targetPort === null ? [] : ["--port", String(targetPort)];
  const common = [...target, "--log-format", "json", "--log-level", "debug"];
  return start("harmony-reporter", [...hosts, ...common, ...args], { env: { HARMONY_KEY: KEY } });
}

/** Resolves when the balancer has taken the target in. */
export async function startReporter(
  balancer: Balancer,
  targetPort: number,
  args: readonly string[] = [],
): Promise<Program> {
  const reporter = launchReporter([balancer.adminPort], targetPort, args);
  await reporter.says(/registered/i);
  return reporter;
}
