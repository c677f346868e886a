/** A target that is down, at a port that the kernel may pick for our own end, is not reached by reaching oneself. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, it } from "node:test";
import { scriptCommand } from "../support/form.ts";

// Thirty local ports, so that one attempt in some fifteen meets itself: Linux prefers those of the range's parity.
const FEW_PORTS = `ip link set lo up && echo "40000 40029" > /proc/sys/net/ipv4/ip_local_port_range && exec "$@"`;
const inOwnNetwork = ["unshare", "-rn", "sh", "-c", FEW_PORTS, "sh"];

function run(command: readonly string[]) {
  const [program, ...rest] = command;
  return spawnSync(program!, rest, { encoding: "utf8", timeout: 60_000 });
}

const skip = run([...inOwnNetwork, "true"]).status === 0 ? false : "no network of its own to be had here";

describe("a target in the range of local ports that is down", { skip }, () => {
  it("counts as refused, however often it is tried", () => {
    const { stdout, stderr } = run([...inOwnNetwork, ...scriptCommand("test/engines/self-connect-child.ts")]);
    const counts = JSON.parse(stdout.trim() || assert.fail(stderr)) as Record<string, number>;
    const expected = ["runtime: ECONNREFUSED", "portable: unavailable", "linux: unavailable"];
    for (const [what, count] of Object.entries(counts)) assert.ok(expected.includes(what), `${count} times ${what}`);
    assert.equal(counts["runtime: ECONNREFUSED"], 300);
    assert.equal(counts["portable: unavailable"], 300);
  });
});
