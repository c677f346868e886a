import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Telemetry } from "../../src/app/telemetry.ts";
import type { CloseRecord } from "../../src/proxy/record.ts";

const balancer = { pools: () => [], adminAddresses: [], engine: null, adminTls: false, api: null };

const WATCHED = {
  pools: () => new Map(),
  edges: () => [],
  threads: () => [],
  onUnavailable: () => undefined,
  onRefused: () => undefined,
};

describe("what a balancer remembers of itself", () => {
  test("are its events in the words of the log, and none that has no words", () => {
    const telemetry = new Telemetry(balancer, WATCHED);
    const web = { identity: "default/web", address: { host: "10.0.0.7", port: 80 }, weight: 3 };
    telemetry.heard("targetUp", [web]);
    telemetry.heard("close", []);
    telemetry.heard("reloadFailed", [new Error("no such file")]);
    const seen = telemetry.events.after(0).map(({ kind, level, text }) => `${kind} ${level} ${text}`);
    assert.deepEqual(seen, [
      "targetUp info target default/web is up at 10.0.0.7:80, weight 3",
      "reloadFailed error not reloaded: no such file",
      "reloadFailed error not reloaded, and nothing has changed: 1 problem",
    ]);
  });

  test("connections without a target that were not told yet are told at the end", () => {
    const told: string[] = [];
    const telemetry = new Telemetry(balancer, {
      ...WATCHED,
      onUnavailable: (text, { connections }) => told.push(`${connections}: ${text}`),
    });
    const record: Partial<CloseRecord> = { pool: "default", phase: "unavailable", cause: "no-targets", tried: [] };
    for (let i = 0; i < 3; i++) telemetry.ended({ ...record, queuedMs: 0 } as CloseRecord);
    telemetry.close();
    assert.deepEqual(told, [
      "1: 1 connection got no target: no target is up and below its limit",
      "2: 2 connections got no target: no target is up and below its limit",
    ]);
  });
});
