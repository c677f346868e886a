/** Long connections over the threads of a program, as the kernel sees them. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { after, describe, it } from "node:test";
import type { Connection } from "../../src/net/runtime.ts";
import { type Balancer, startBalancer, startReporter } from "../support/cluster.ts";
import { field } from "../support/log.ts";
import { dial, echoServer, endServers } from "../support/peers.ts";
import { endPrograms } from "../support/program.ts";
import { readText, send } from "../support/stream.ts";
import { until } from "../support/wait.ts";

const THREADS = 4;
/** Opened at a time. */
const BATCH = 20;
/** An ESTABLISHED socket's state in /proc/net/tcp. */
const ESTABLISHED = "01";

after(async () => {
  await endPrograms();
  await endServers();
});

describe("four threads with 400 long connections", () => {
  it("have equal shares, and new ones fill the gap of one whose own have ended", async (t) => {
    const server = await echoServer();
    const balancer = await startBalancer(["--threads", String(THREADS)]);
    if (field(await balancer.program.says(/listening/i), "engine") !== "linux") {
      t.skip("one thread: the engine is not linux here");
      return;
    }
    await startReporter(balancer, server.port);
    const clients = new Map<number, Connection>();
    await open(balancer, clients, 40);
    t.diagnostic(`shares of 40: ${shares(balancer).map(({ length }) => length)}`);
    await open(balancer, clients, 360);
    assertEven(balancer, 400);

    const leaving = shares(balancer)[0]!;
    for (const port of leaving) {
      await clients.get(port)!.close();
      clients.delete(port);
    }
    await until("their end", () => shares(balancer).some(({ length }) => length === 0));
    await open(balancer, clients, leaving.length);
    assertEven(balancer, 400);
    for (const connection of clients.values()) connection.abort();
    assert.equal((await balancer.program.stop()).code, 0);
  });
});

/** More clients, by their ports; each has been served when this is done. */
async function open({ port }: Balancer, clients: Map<number, Connection>, count: number): Promise<void> {
  for (let left = count; left > 0; left -= BATCH) {
    const batch = await Promise.all(Array.from({ length: Math.min(left, BATCH) }, () => dial(port)));
    for (const connection of batch) {
      await send(connection, "x");
      assert.equal(await readText(connection, 1), "x");
      clients.set(connection.local.port, connection);
    }
  }
}

/** No thread has more than 1.2 times the mean. */
function assertEven(balancer: Balancer, count: number): void {
  const all = shares(balancer).map(({ length }) => length);
  assert.equal(
    all.reduce((sum, share) => sum + share),
    count,
  );
  assert.ok(Math.max(...all) <= (1.2 * count) / THREADS, `shares of ${all.join(", ")}`);
}

/** The ports of each thread's clients: what its epoll set watches. */
function shares({ port, program }: Balancer): number[][] {
  const process = `/proc/${program.pid}`;
  const links = new Map<string, string>();
  for (const fd of readdirSync(`${process}/fd`)) {
    try {
      links.set(fd, readlinkSync(`${process}/fd/${fd}`));
    } catch {
      // closed meanwhile
    }
  }
  const clients = clientsOf(process, port);
  const sets = [...links]
    .filter(([, link]) => link === "anon_inode:[eventpoll]")
    .map(([fd]) => {
      const info = readFileSync(`${process}/fdinfo/${fd}`, "utf8");
      const watched = [...info.matchAll(/^tfd:\s*(\d+)/gm)].map(([, watchedFd]) => links.get(watchedFd!) ?? "");
      return {
        listens: watched.some((link) => clients.listeners.has(link)),
        ports: watched.flatMap((link) => clients.ports.get(link) ?? []),
      };
    });
  const threads = sets.filter(({ listens }) => listens).map(({ ports }) => ports);
  assert.equal(threads.length, THREADS, "threads that accept");
  return threads;
}

/** The sockets of a port of this machine, by what /proc says a descriptor links to. */
function clientsOf(process: string, port: number): { listeners: Set<string>; ports: Map<string, number> } {
  const listeners = new Set<string>();
  const ports = new Map<string, number>();
  for (const file of ["tcp", "tcp6"]) {
    for (const line of readFileSync(`${process}/net/${file}`, "utf8").split("\n").slice(1)) {
      const [, local, remote, state, , , , , , inode] = line.trim().split(/\s+/);
      if (local === undefined || portOf(local) !== port) continue;
      if (state === ESTABLISHED) ports.set(`socket:[${inode}]`, portOf(remote!));
      else listeners.add(`socket:[${inode}]`);
    }
  }
  return { listeners, ports };
}

function portOf(address: string): number {
  return Number.parseInt(address.split(":")[1]!, 16);
}
