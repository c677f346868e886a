/** Balancers of one group as processes, reporters of many targets each, and clients that come all the time. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Group } from "../../src/admin/api/schemas/group.ts";
import type { Target } from "../../src/admin/api/schemas/targets.ts";
import { ask } from "../../src/admin/client.ts";
import { type Balancer, launchReporter, startBalancer } from "./cluster.ts";
import { temporaryFolder } from "./folder.ts";
import { answerer, exchange, serve } from "./peers.ts";
import type { Program } from "./program.ts";
import { now, passes, until } from "./wait.ts";

export interface Member {
  readonly balancer: Balancer;
  readonly ask: <T>(method: "GET" | "POST", path: string) => Promise<T>;
}

export class GroupCluster {
  readonly folder = temporaryFolder("group");
  readonly #args: readonly string[];
  #targets = 0;

  /** `args`: of each balancer. */
  constructor(args: readonly string[]) {
    this.#args = args;
  }

  async member(name: string): Promise<Member> {
    const socket = join(this.folder, `${name}.sock`);
    const env = { HARMONY_API: `unix:${socket}`, HARMONY_STATE: "off" };
    const balancer = await startBalancer(["--algorithm", "roundrobin", ...this.#args], { env });
    return {
      balancer,
      ask: (method, path) => ask([socket], { method, path, ...(method === "POST" && { body: {} }) }) as Promise<never>,
    };
  }

  /** A reporter of so many targets more, which speaks to these; a target answers with its name: t0, t1 and so on. */
  async reporter(members: readonly Member[], count: number): Promise<Program> {
    const names = Array.from({ length: count }, () => `t${this.#targets++}`);
    const servers = await Promise.all(names.map((name) => serve(answerer(name))));
    const config = join(this.folder, `reporter-${names[0]}.toml`);
    const tables = servers.map(({ port }, n) => `[[target]]\nport = ${port}\nid = "${names[n]}"\n`);
    writeFileSync(config, tables.join("\n"));
    const ports = members.map(({ balancer }) => balancer.adminPort);
    return launchReporter(ports, null, ["--config", config]);
  }
}

/** How that member sees the group: what becomes of the store shows in `state`, of its balancers in how many are there and gone. */
export async function sees(member: Member, what: string, isSo: (group: Group) => boolean): Promise<void> {
  await until(what, async () => isSo(await member.ask<Group>("GET", "/v1/group")));
}

export async function knows(
  member: Member,
  what: string,
  isSo: (targets: readonly Target[]) => boolean,
): Promise<void> {
  let seen: readonly Target[] = [];
  try {
    await until(what, async () => {
      seen = (await member.ask<{ items: Target[] }>("GET", "/v1/targets")).items;
      return isSo(seen);
    });
  } catch (error) {
    const states = seen.map(({ id, state, reason }) => `${id} ${state}: ${reason}`);
    throw new Error(`${(error as Error).message}; there are ${states.join("\n")}`);
  }
}

export const areUp = (count: number) => (targets: readonly Target[]) =>
  targets.length === count && targets.every(({ state }) => state === "up");

export const isLost = ({ state }: Group) => state === "lost";
export const isConnected = ({ state }: Group) => state === "connected";
export const areThere = (present: number, gone: number) => (group: Group) =>
  group.members.filter(({ state }) => state === "present").length === present &&
  group.members.length === present + gone;

/** ms between clients: enough of them, and no load that others would feel. */
const PAUSE_MS = 20;

export interface Visits {
  readonly served: number;
  /** What those heard that no target answered. */
  readonly failed: readonly string[];
}

export interface Clients {
  /** How many of those each target has answered that have come since then. */
  since(time: number): ReadonlyMap<string, number>;
  end(): Promise<Visits>;
}

/** Clients of these, one after the other at each, until it is ended. */
export function clients(members: readonly Member[]): Clients {
  let isOver = false;
  const visits: [at: number, target: string][] = [];
  const failed: string[] = [];
  const lives = members.map(async ({ balancer }) => {
    while (!isOver) {
      const at = now();
      const answer = await exchange(balancer.port, "").catch((error: Error) => `failed: ${error.message}`);
      if (/^t\d+$/.test(answer)) visits.push([at, answer]);
      else failed.push(answer);
      await passes(PAUSE_MS);
    }
  });
  return {
    since(time) {
      const counts = new Map<string, number>();
      for (const [at, target] of visits) if (at >= time) counts.set(target, (counts.get(target) ?? 0) + 1);
      return counts;
    },
    async end() {
      isOver = true;
      await Promise.all(lives);
      return { served: visits.length, failed };
    },
  };
}
