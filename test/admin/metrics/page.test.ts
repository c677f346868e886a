import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { labelText } from "../../../src/admin/metrics/label.ts";
import { familyOf, unitOf } from "../../../src/admin/metrics/metric.ts";
import { formatFor, metricsAnswer } from "../../../src/admin/metrics/page.ts";
import { type Measured, WITH_HISTOGRAMS } from "../../../src/admin/metrics/scrape.ts";
import { METRICS } from "../../../src/admin/metrics/table.ts";
import { OPEN_METRICS, TEXT } from "../../../src/admin/metrics/writer.ts";
import fc from "../../support/draws.ts";
import { record, turnedAway } from "../../telemetry/records.ts";
import { familiesOf, type Sample, samplesOf } from "./exposition.ts";
import { worldOf } from "./measured.ts";

const OPEN = OPEN_METRICS.contentType;

async function page(measured: Measured, accept: string | null = null, pool: string | null = null): Promise<string> {
  return await metricsAnswer(measured, accept, pool).text();
}

function valueIn(
  samples: readonly Sample[],
  name: string,
  labels: Readonly<Record<string, string>>,
): number | undefined {
  const found = samples.filter((each) => {
    return each.name === name && Object.entries(labels).every(([label, value]) => each.labels[label] === value);
  });
  assert.ok(found.length <= 1, `${found.length} samples of ${name}`);
  return found[0]?.value;
}

describe("the page of metrics", () => {
  for (const format of [TEXT, OPEN_METRICS]) {
    test(`is what a strict reader of ${format.contentType} takes`, async () => {
      const { measured, pools, statistics } = worldOf(["web", "db"], 3);
      const failed = { target: "web/web-0", code: "ECONNREFUSED" } as const;
      statistics.ended(record({ tried: [failed], requeues: 1 }));
      pools.get("web")!.setState("web/web-1", "draining");
      const families = familiesOf(await page(measured, format.contentType), format.isOpen);
      const names = METRICS.map((metric) => (format.isOpen ? familyOf(metric) : metric.name));
      assert.deepEqual(
        families.map(({ name }) => name),
        names,
        "each of the table, in its order",
      );
      for (const [nth, family] of families.entries()) {
        const metric = METRICS[nth]!;
        assert.equal(family.type, metric.type, metric.name);
        assert.equal(family.unit, format.isOpen ? unitOf(metric) : null);
        for (const { labels } of family.samples) {
          const names = Object.keys(labels).filter((name) => name !== "le");
          assert.deepEqual(names.sort(), [...metric.labels].sort(), metric.name);
        }
      }
    });
  }

  test("has what was counted, with the names that are documented", async () => {
    const { measured, pools, statistics } = worldOf(["web"], 2);
    statistics.ended(turnedAway());
    const failed = { target: "web/web-0", code: "ETIMEDOUT" } as const;
    statistics.ended(record({ target: "web/web-1", connectMs: 30, tried: [failed], requeues: 1 }));
    pools.get("web")!.setState("web/web-1", "draining");
    const samples = samplesOf(await page(measured));
    const value = (name: string, labels = {}) => valueIn(samples, name, labels);
    const target = { pool: "web", target: "web/web-0" };
    assert.equal(value("harmony_target_connections_total", target), 1);
    assert.equal(value("harmony_target_connections_active", target), 0);
    assert.equal(value("harmony_target_bytes_total", { ...target, direction: "in" }), 10);
    assert.equal(value("harmony_target_bytes_total", { ...target, direction: "out" }), 1_000);
    assert.equal(value("harmony_target_failures_total", { ...target, reason: "ETIMEDOUT" }), 1);
    assert.equal(value("harmony_target_up", target), 1);
    assert.equal(value("harmony_target_up", { target: "web/web-1" }), 0);
    assert.equal(value("harmony_target_verdict", { target: "web/web-1", source: "ordered", says: "draining" }), 1);
    assert.equal(value("harmony_target_weight", { target: "web/web-1" }), 2);
    assert.equal(value("harmony_pool_connections_total", { pool: "web" }), 2);
    assert.equal(value("harmony_pool_targets", { state: "draining" }), 1);
    assert.equal(value("harmony_pool_bindings", { pool: "web" }), 2);
    assert.equal(value("harmony_unavailable_total", { pool: "web", reason: "queue-full" }), 1);
    assert.equal(
      value("harmony_unavailable_total", { reason: "stopping" }),
      0,
      "from the start, so that a rate sees the first",
    );
    assert.equal(value("harmony_requeues_total", { pool: "web" }), 1);
    assert.equal(value("harmony_pool_failures_total", { reason: "ETIMEDOUT" }), 1);
    assert.equal(value("harmony_pool_connections_ended_total", { by: "client", cause: "fin" }), 3);
    assert.equal(value("harmony_pool_queue_wait_seconds_count", { pool: "web" }), 1);
    assert.equal(value("harmony_pool_connect_seconds_count", { pool: "web" }), 3);
    assert.equal(value("harmony_pool_connect_seconds_sum", { pool: "web" }), 0.032);
    assert.equal(value("harmony_pool_connect_seconds_bucket", { le: "0.001" }), 2);
    assert.equal(value("harmony_pool_connect_seconds_bucket", { le: "0.025" }), 2);
    assert.equal(value("harmony_pool_connect_seconds_bucket", { le: "0.05" }), 3);
    assert.equal(value("harmony_pool_connect_seconds_bucket", { le: "+Inf" }), 3);
    assert.equal(value("harmony_thread_busy_ratio", { thread: "main" }), 0.25);
    assert.equal(
      value("harmony_thread_busy_ratio", { thread: "worker 1" }),
      undefined,
      "what is not known is not there",
    );
    assert.equal(value("harmony_group_connected"), 1);
    assert.equal(value("harmony_group_members", { state: "present" }), 2);
    assert.equal(value("harmony_group_members", { state: "gone" }), 1);
    assert.equal(value("harmony_group_shared_targets"), 12);
    assert.equal(value("harmony_group_bindings_total", { direction: "written" }), 30);
    assert.equal(value("harmony_group_bindings_total", { direction: "taken" }), 20);
    assert.equal(value("harmony_group_look_ups_total", { result: "done" }), 12);
    assert.equal(value("harmony_group_look_ups_total", { result: "late" }), 3);
    assert.equal(value("process_start_time_seconds"), Date.UTC(2026, 10, 30) / 1_000);
  });

  test("has nothing of a group where there is none, and says that one is not reached", async () => {
    const { measured } = worldOf(["web"], 1);
    assert.doesNotMatch(
      await page({ ...measured, group: null, sharedBindings: null, lookUps: null }),
      /^harmony_group/m,
    );
    const lost = { ...measured.group!, state: "lost" } as const;
    assert.equal(valueIn(samplesOf(await page({ ...measured, group: lost })), "harmony_group_connected", {}), 0);
  });

  test("has no counter that falls when a target leaves, but the target's own, which are gone", async () => {
    const { measured, pools } = worldOf(["web"], 3);
    const before = samplesOf(await page(measured)).filter(({ name }) => /_(total|count|sum|bucket)$/.test(name));
    pools.get("web")!.remove("web/web-1");
    const after = samplesOf(await page(measured));
    for (const { name, labels, value } of before) {
      const now = valueIn(after, name, labels);
      if (labels.target === "web/web-1") assert.equal(now, undefined);
      else assert.ok(now !== undefined && now >= value, `${name} ${JSON.stringify(labels)}: ${value} → ${now}`);
    }
  });

  test("shows those who see one pool that pool, and nothing of the rest", async () => {
    const { measured } = worldOf(["web", "db"], 2);
    const samples = samplesOf(await page(measured, null, "db"));
    assert.ok(samples.length > 20);
    assert.ok(samples.every(({ labels }) => labels.pool === "db"));
    assert.deepEqual(samplesOf(await page(measured, null, "mail")), []);
  });

  test("of ten thousand targets comes in pieces, and has histograms of the first hundred", async () => {
    const { measured } = worldOf(["web"], 10_000);
    let turns = 0;
    let isRead = false;
    const count = () => {
      turns++;
      if (!isRead) setImmediate(count);
    };
    setImmediate(count);
    const pieces: string[] = [];
    for await (const piece of metricsAnswer(measured, null, null).body!) pieces.push(new TextDecoder().decode(piece));
    isRead = true;
    const longest = Math.max(...pieces.map(({ length }) => length));
    assert.ok(longest < 512 * 1024, `a piece of ${longest} characters`);
    assert.ok(turns >= pieces.length, `others had ${turns} turns between ${pieces.length} pieces`);
    const samples = samplesOf(pieces.join(""));
    const of = (name: string) => samples.filter((sample) => sample.name === name).length;
    assert.equal(of("harmony_target_connections_total"), 10_000);
    assert.equal(of("harmony_target_connect_seconds_count"), WITH_HISTOGRAMS);
  });

  test("of which no more is wanted ends", async () => {
    const { measured } = worldOf(["web"], 3_000);
    const reader = metricsAnswer(measured, null, null).body!.getReader();
    await reader.read();
    await reader.cancel();
    assert.equal((await reader.read()).done, true);
  });
});

describe("the format", () => {
  const cases: [accept: string | null, isOpen: boolean][] = [
    [null, false],
    ["*/*", false],
    ["text/html, text/plain", false],
    [OPEN, true],
    // As Prometheus 2 asks.
    ["application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1", true],
    ["application/openmetrics-text;q=0.2, text/plain;q=0.9", false],
    ["application/openmetrics-text;q=0", false],
    ["APPLICATION/OpenMetrics-Text", true],
    [";;,;q=,", false],
  ];
  for (const [accept, isOpen] of cases) {
    test(`for ${accept} is ${isOpen ? "OpenMetrics" : "text"}`, () => assert.equal(formatFor(accept).isOpen, isOpen));
  }
});

describe("a label", () => {
  test("has whatever value, escaped", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (value) => {
        const [{ labels } = assert.fail("no sample")] = samplesOf(`x{${labelText("a", value)}} 1\n`);
        assert.equal(labels.a, value);
      }),
    );
  });
});
