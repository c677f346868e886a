/** What `--engine` and `--threads` do, and what the linux engine has the kernel do with its sockets. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { after, describe, test } from "node:test";
import { openLibc } from "#ffi";
import { runtime } from "#runtime";
import { linux } from "../../src/engines/linux/main/factory.ts";
import * as abi from "../../src/engines/linux/sys/abi.ts";
import { serve } from "../support/peers.ts";
import { until } from "../support/wait.ts";
import { balancerWith, endEffects, report, target } from "./effects.ts";

after(endEffects);

const missing = await linux.test({ listen: [] });
const skip = missing === null ? false : `the linux engine: ${missing}`;

/** Sockets of this host that listen on an IPv4 port: state 0A in /proc/net/tcp, addresses in hexadecimal. */
function listeners(port: number): number {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const lines = readFileSync("/proc/net/tcp", "utf8").split("\n").slice(1);
  return lines.map((line) => line.trim().split(/\s+/)).filter((f) => f[1]?.endsWith(wanted) && f[3] === "0A").length;
}

/** asm-generic/socket.h: it listens. */
const SO_ACCEPTCONN = 30;

/** Of each connection of this process that is kept alive: TCP_KEEPIDLE, TCP_KEEPINTVL and TCP_KEEPCNT, as the kernel has them. */
function keptAlive(): string[] {
  const libc = openLibc()!;
  const { at, bytes } = libc.alloc(8);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const get = (fd: number, level: number, option: number) => {
    view.setUint32(4, 4, true);
    return libc.getsockopt(fd, level, option, at(0), at(4)) === 0 ? view.getInt32(0, true) : 0;
  };
  return readdirSync("/proc/self/fd")
    .map(Number)
    .filter((fd) => get(fd, abi.SOL_SOCKET, abi.SO_KEEPALIVE) === 1 && get(fd, abi.SOL_SOCKET, SO_ACCEPTCONN) === 0)
    .map((fd) =>
      [abi.TCP_KEEPIDLE, abi.TCP_KEEPINTVL, abi.TCP_KEEPCNT].map((of) => get(fd, abi.IPPROTO_TCP, of)).join(),
    );
}

describe("--engine and --threads", () => {
  test("linux: a listener for each thread", { skip }, async () => {
    const { balancer } = await balancerWith("--engine", "linux", "--threads", "3");
    const { listen } = await balancer.ready;
    assert.equal(balancer.engine?.name, "linux");
    assert.equal(listeners(listen[0]!.port), 3);
  });

  test("auto takes the linux engine where it runs", { skip }, async () => {
    const { balancer } = await balancerWith();
    await balancer.ready;
    assert.equal(balancer.engine?.name, "linux");
  });

  test("portable: one listener", async () => {
    const { balancer } = await balancerWith("--engine", "portable", "--threads", "3");
    const { listen } = await balancer.ready;
    assert.equal(balancer.engine?.name, "portable");
    if (process.platform === "linux") assert.equal(listeners(listen[0]!.port), 1);
  });
});

describe("--client-keepalive and --target-keepalive", { skip }, () => {
  const words = ["--client-keepalive", "idle=25s interval=7s count=5", "--target-keepalive", "idle=41s count=4"];

  test("say how the kernel asks on each side", async () => {
    const balancer = await balancerWith("--engine", "linux", "--keepalive", "61s", ...words);
    await target(balancer, "silent");
    await balancer.hold();
    await until("both sides kept alive", () => {
      const all = keptAlive();
      return all.includes("25,7,5") && all.includes("41,5,4");
    });
  });

  test("ask no client where keepalive is off", async () => {
    const times = ["--client-keepalive", "idle=26s interval=7s count=5"];
    for (const [keepalive, seen] of [
      ["1m", true],
      ["off", false],
    ] as const) {
      const balancer = await balancerWith("--engine", "linux", "--keepalive", keepalive, ...times);
      await target(balancer, "silent");
      const { connection } = await balancer.hold();
      assert.equal(keptAlive().includes("26,7,5"), seen);
      connection.abort();
      await until("its end", () => balancer.records.length === 1);
    }
  });
});

test("--source: addresses from which targets are connected to, in turn, by the portable engine too", {
  skip: runtime.can.localAddress && process.platform === "linux" ? false : "not there, or with one loopback address",
}, async () => {
  const balancer = await balancerWith("--engine", "portable", "--source", "127.0.0.2,::1,127.0.0.3,192.0.2.99");
  const server = await serve(async (connection) => {
    await connection.write(new TextEncoder().encode(connection.remote.host));
    await connection.close();
  });
  await report(balancer, server.port);
  const answers = await balancer.answers(6);
  assert.deepEqual(new Set(answers), new Set(["127.0.0.2", "127.0.0.3"]));
});
