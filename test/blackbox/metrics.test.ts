/** The page of metrics of a balancer that works: what Prometheus's own tool thinks of it, and whether its numbers are right. */
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { familiesOf, type Sample } from "../admin/metrics/exposition.ts";
import { type Balancer, startBalancer, startReporter } from "../support/cluster.ts";
import { field } from "../support/log.ts";
import { dial, echoServer, endServers } from "../support/peers.ts";
import { endPrograms } from "../support/program.ts";
import { noPromtool, promtool } from "../support/promtool.ts";
import { readText, send } from "../support/stream.ts";
import { until } from "../support/wait.ts";

const OPEN = "application/openmetrics-text";

after(async () => {
  await endPrograms();
  await endServers();
});

async function withTraffic(): Promise<{ readonly url: string; readonly balancer: Balancer; readonly target: string }> {
  const server = await echoServer();
  const balancer = await startBalancer(["--metrics", "127.0.0.1:0"]);
  const url = field(await balancer.program.says(/^metrics are at /), "metrics") as string;
  const turnedAway = await dial(balancer.port); // nobody is there yet
  await readText(turnedAway);
  await turnedAway.close();
  await startReporter(balancer, server.port, ["--id", "web-1"]);
  for (let n = 0; n < 5; n++) {
    const client = await dial(balancer.port);
    await send(client, "hello");
    await client.closeWrite();
    assert.equal(await readText(client), "hello");
    await client.close();
  }
  return { url: `${url}metrics`, balancer, target: "default/web-1" };
}

async function samplesAt(url: string, accept: string): Promise<Sample[]> {
  const answer = await fetch(url, { headers: { accept } });
  assert.equal(answer.status, 200);
  const isOpen = answer.headers.get("content-type")!.startsWith(OPEN);
  assert.equal(isOpen, accept === OPEN);
  return familiesOf(await answer.text(), isOpen).flatMap(({ samples }) => samples);
}

describe("the page of metrics", () => {
  it("has what has happened, in both formats", async () => {
    const { url, target } = await withTraffic();
    const value = (samples: readonly Sample[], name: string, labels: Readonly<Record<string, string>>) =>
      samples.find((each) => {
        return each.name === name && Object.entries(labels).every(([label, is]) => each.labels[label] === is);
      })?.value;
    const ended = async () =>
      value(await samplesAt(url, OPEN), "harmony_pool_duration_seconds_count", { pool: "default" }) === 5;
    await until("the connections have ended", ended);
    for (const accept of [OPEN, "text/plain"]) {
      const samples = await samplesAt(url, accept);
      const is = (name: string, labels: Readonly<Record<string, string>> = {}) => value(samples, name, labels);
      assert.equal(is("harmony_target_connections_total", { target }), 5);
      assert.equal(is("harmony_target_bytes_total", { target, direction: "in" }), 25);
      assert.equal(is("harmony_target_bytes_total", { target, direction: "out" }), 25);
      assert.equal(is("harmony_target_up", { target }), 1);
      assert.equal(is("harmony_pool_first_byte_seconds_count", { pool: "default" }), 5);
      assert.equal(is("harmony_unavailable_total", { reason: "no-targets" }), 1);
      assert.equal(is("harmony_control_sessions"), 1);
      assert.equal(is("harmony_ready"), 1);
      assert.ok(is("harmony_events_total", { kind: "targetUp" })! >= 1);
      if (process.platform === "linux") assert.ok(is("harmony_thread_cpu_seconds_total", { thread: "main" })! > 0);
      assert.ok(is("process_resident_memory_bytes")! > 1e6);
      assert.ok(Math.abs(is("process_start_time_seconds")! * 1_000 - Date.now()) < 600_000);
    }
    const again = await samplesAt(url, OPEN);
    assert.ok(value(again, "harmony_api_requests_total", { code: "200" })! >= 3, "its own pages are among the answers");
  });

  it("is to the taste of promtool", { skip: noPromtool }, async () => {
    const { url } = await withTraffic();
    const { ok, said } = promtool(["check", "metrics"], await (await fetch(url)).text());
    assert.ok(ok, said);
  });
});
