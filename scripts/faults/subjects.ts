/** The balancers that are compared, each with the best that it has for the purpose. */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { root, script } from "../runtimes.ts";
import type { Host } from "./host.ts";
import { Process } from "./processes.ts";
import type { Scenario } from "./scenarios.ts";
import { AGENT_PORT, ANSWER_MS, addressOf, CLIENT_PORT, HTTP_PORT, hereOf } from "./world.ts";

export interface Subject {
  readonly name: string;
  readonly title: string;
  /** Starts it in front of the hosts, with what speaks for each of them. Resolves to what it runs as. */
  start(hosts: readonly Host[], scenario: Scenario, folder: string): Promise<Process>;
}

const program = (name: string): string => join(root, "dist", name);
const QUIET = { HARMONY_STATE: "off", HARMONY_API: "off", HARMONY_STATUS_SOCKET: "off", HARMONY_LOG_LEVEL: "info" };
const KEY = { HARMONY_KEY: "faults:a-key-for-this-run-alone" };

/** What a balancer knows how to do is in its help. */
const helpOf = (name: string): string => spawnSync(program(name), ["--help"], { encoding: "utf8" }).stdout ?? "";

function known(name: string, options: Readonly<Record<string, string>>): string[] {
  const help = helpOf(name);
  return Object.entries(options).flatMap(([option, value]) =>
    help.includes(`--${option} `) ? [`--${option}`, value] : [],
  );
}

async function startHarmony(
  hosts: readonly Host[],
  balancerOptions: readonly string[],
  reporterOptions: readonly string[],
): Promise<Process> {
  const balancer = new Process([program("harmony-balancer"), ...balancerOptions], { ...QUIET, ...KEY });
  await balancer.says(/listening/);
  const reporters = hosts.map((host) =>
    host.speak(
      [program("harmony-reporter"), "--host", hereOf(host.index), "--port", String(HTTP_PORT), ...reporterOptions],
      { ...QUIET, ...KEY },
    ),
  );
  await Promise.all(reporters.map((reporter) => reporter.says(/registered/)));
  return balancer;
}

/** ms between two looks of Harmony's reporter at the server beside it: that costs next to nothing, and news are sent at once. */
const BESIDE_MS = 50;

/**
 * ms between checks, of both alike, and ms that one may take with HAProxy. is given no `timeout check`: with one of 100 ms, 2.6 takes an answer
 * after 200 ms for a good one. Without, a check may take as long as the time between two.
 */
const intervalFor = ({ patience }: Scenario): number => Math.min(patience, 500);
/** ms that one of Harmony's may take: ten times what an answer takes. HAProxy's second one has 100 ms, its `fastinter`. */
const timeoutFor = ({ patience }: Scenario): number => Math.min(patience, 10 * ANSWER_MS);

const haproxyConfig = (hosts: readonly Host[], scenario: Scenario): string => `global
  maxconn 4000
defaults
  mode tcp
  timeout connect 1s
  timeout client 1m
  timeout server 1m
  retries 3
  option redispatch 1
listen main
  bind 127.0.0.1:${CLIENT_PORT}
  balance leastconn
  option httpchk GET /
  http-check expect status 200
  default-server check inter ${intervalFor(scenario)}ms fastinter 100ms downinter ${intervalFor(scenario)}ms fall 2 rise 2
  default-server agent-check agent-port ${AGENT_PORT} agent-inter ${intervalFor(scenario)}ms
  default-server observe layer4 error-limit 3 on-error mark-down on-marked-down shutdown-sessions
${hosts.map((host) => `  server ${host.name} ${addressOf(host.index)}:${HTTP_PORT}`).join("\n")}
`;

export const subjects: readonly Subject[] = [
  {
    name: "harmony",
    title: "Harmony, no options",
    start: (hosts) => startHarmony(hosts, [], []),
  },
  {
    name: "harmony-checks",
    title: "Harmony, checks and ejection",
    start: (hosts, scenario) =>
      startHarmony(
        hosts,
        known("harmony-balancer", {
          check: `http:/ interval=${intervalFor(scenario)}ms timeout=${timeoutFor(scenario)}ms rise=2 fall=2`,
          "eject-after": "3",
          "eject-slow": `${scenario.patience}ms`,
          "on-down": "kill",
          persistent: "off",
        }),
        known("harmony-reporter", {
          check: `http:/ interval=${BESIDE_MS}ms timeout=${timeoutFor(scenario)}ms rise=2 fall=3`,
        }),
      ),
  },
  {
    name: "haproxy",
    title: `HAProxy ${versionOfHaproxy()}, checks and agents`,
    start: async (hosts, scenario, folder) => {
      const config = join(folder, "haproxy.cfg");
      writeFileSync(config, haproxyConfig(hosts, scenario));
      const agent = script("scripts/faults/agent.ts", String(intervalFor(scenario)));
      await Promise.all(hosts.map((host) => host.speak(agent).says(/ready/)));
      // -db: in the foreground
      return new Process([process.env.HAPROXY || "haproxy", "-db", "-f", config]);
    },
  },
];

function versionOfHaproxy(): string {
  const { stdout } = spawnSync(process.env.HAPROXY || "haproxy", ["-v"], { encoding: "utf8" });
  return /(\d+\.\d+(\.\d+)?)/.exec(stdout ?? "")?.[1] ?? "";
}
