/** What `--engine` and `--threads` do. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, describe, test } from "node:test";
import { linux } from "../../src/engines/linux/main/engine.ts";
import { balancerWith, endEffects } from "./effects.ts";

after(endEffects);

const missing = await linux.test({ listen: [] });
const skip = missing === null ? false : `the linux engine: ${missing}`;

/** Sockets of this host that listen on an IPv4 port: state 0A in /proc/net/tcp, addresses in hexadecimal. */
function listeners(port: number): number {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const lines = readFileSync("/proc/net/tcp", "utf8").split("\n").slice(1);
  return lines.map((line) => line.trim().split(/\s+/)).filter((f) => f[1]?.endsWith(wanted) && f[3] === "0A").length;
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
