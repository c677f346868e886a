/** The dashboard and the alert rules for Prometheus: they ask for metrics that there are, in a language that it takes. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { METRICS } from "../../src/admin/metrics/table.ts";
import { removeFolders, temporaryFolder } from "../support/folder.ts";
import { noPromtool, promtool } from "../support/promtool.ts";

const folder = fileURLToPath(new URL("../../examples/grafana/", import.meta.url));
const text = (file: string): string => readFileSync(join(folder, file), "utf8");

after(removeFolders);

interface Panel {
  readonly id: number;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly expr: string }[];
}
const dashboard = JSON.parse(text("dashboard.json")) as { readonly panels: readonly Panel[] };
const queries = dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));

/** Name → its labels. */
const samples = new Map(
  METRICS.flatMap(({ name, type, labels }) => {
    const suffixes = type === "histogram" ? ["_bucket", "_sum", "_count"] : [""];
    return suffixes.map((suffix) => [name + suffix, suffix === "_bucket" ? [...labels, "le"] : labels] as const);
  }),
);
/** Labels that whoever collects them adds. */
const ADDED = ["instance", "job"];

describe("what Prometheus and Grafana are given", () => {
  for (const file of ["dashboard.json", "alerts.yml", "alerts.test.yml"]) {
    it(`${file} names metrics that there are, with labels that they have`, () => {
      const source = file === "dashboard.json" ? text(file).replaceAll('\\"', '"') : text(file);
      const named = [...source.matchAll(/\b((?:harmony|process)_[a-z_]+)\b(?:\{([^}]*)\})?/g)];
      assert.ok(named.length > 10);
      for (const [, name, selector = ""] of named) {
        const labels = samples.get(name!);
        assert.ok(labels !== undefined, `there is no metric ${name}`);
        for (const [, label] of selector.matchAll(/([a-z_]+)(?:=~|=|!=|!~)"/g)) {
          assert.ok(labels.includes(label!) || ADDED.includes(label!), `${name} has no label ${label}`);
        }
      }
    });
  }

  it("each alert is tried, when nothing is the case and when it is", () => {
    const alerts = [...text("alerts.yml").matchAll(/alert: (\w+)/g)].map(([, name]) => name!);
    const tried = [...text("alerts.test.yml").matchAll(/alertname: (\w+)( })?/g)];
    const quiet = tried.filter(([, , end]) => end !== undefined).map(([, name]) => name!);
    const loud = tried.filter(([, , end]) => end === undefined).map(([, name]) => name!);
    assert.deepEqual(quiet, alerts);
    assert.deepEqual(loud, alerts);
  });

  it("panels have numbers of their own, and none lies on another", () => {
    const { panels } = dashboard;
    assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
    const taken = new Map<string, string>();
    for (const { title, gridPos } of panels) {
      assert.ok(gridPos.x + gridPos.w <= 24, title);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          assert.equal(taken.get(`${x} ${y}`), undefined, `${title} lies on ${taken.get(`${x} ${y}`)}`);
          taken.set(`${x} ${y}`, title);
        }
      }
    }
  });

  it("promtool takes the rules, and they say what they should", { skip: noPromtool }, () => {
    for (const args of [
      ["check", "rules", "alerts.yml"],
      ["test", "rules", "alerts.test.yml"],
    ]) {
      const { ok, said } = promtool(args, "", folder);
      assert.ok(ok, said);
    }
  });

  it("promtool takes every query of the dashboard", { skip: noPromtool }, () => {
    // A file of rules is what it parses queries in.
    const rules = queries.map((expr, nth) => ({
      record: `query:${nth}`,
      expr: expr.replaceAll("$__rate_interval", "5m"),
    }));
    const file = join(temporaryFolder("queries"), "rules.json");
    writeFileSync(file, JSON.stringify({ groups: [{ name: "dashboard", rules }] }));
    const { ok, said } = promtool(["check", "rules", "--lint=none", file]);
    assert.ok(ok, said);
    assert.ok(queries.length > 30);
  });

  it("promtool takes the configuration that the README shows", { skip: noPromtool }, () => {
    const [, shown = ""] = /```yaml\n([\s\S]*?)```/.exec(text("README.md")) ?? [];
    const place = temporaryFolder("prometheus");
    writeFileSync(join(place, "prometheus.yml"), shown);
    writeFileSync(join(place, "alerts.yml"), text("alerts.yml"));
    const { ok, said } = promtool(["check", "config", "prometheus.yml"], "", place);
    assert.ok(ok, said);
  });
});
