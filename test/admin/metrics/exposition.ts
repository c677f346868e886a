/** A strict reader of both formats: it takes nothing that their descriptions do not allow. */
import assert from "node:assert/strict";

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

interface Family {
  readonly name: string;
  readonly type: string;
  readonly unit: string | null;
  readonly samples: Sample[];
}

const NAME = "[a-z_:][a-z0-9_:]*";
const SAMPLE = new RegExp(`^(${NAME})(?:\\{(.*)\\})? (-?[0-9.e+-]+|NaN)$`, "s");
/** What may follow the family's name, by type. */
const SUFFIXES: Readonly<Record<string, readonly string[]>> = {
  counter: ["_total"],
  gauge: [""],
  histogram: ["_bucket", "_sum", "_count"],
};

/** Of a page; whatever its families are. */
export function samplesOf(page: string): Sample[] {
  return page
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map(sampleOf);
}

/** Families come one after the other, each with help, type and, in OpenMetrics, unit. */
export function familiesOf(page: string, isOpen: boolean): Family[] {
  assert.ok(page.endsWith("\n"));
  const lines = page.slice(0, -1).split("\n");
  if (isOpen) assert.equal(lines.pop(), "# EOF");
  const families: Family[] = [];
  while (lines.length > 0) {
    const [, name = "", help] = new RegExp(`^# HELP (${NAME}) (.+)$`).exec(lines.shift()!) ?? assert.fail("no help");
    assert.ok(help!.endsWith("."), `${name}: help is a sentence`);
    const [, type = ""] =
      new RegExp(`^# TYPE ${name} (counter|gauge|histogram)$`).exec(lines.shift()!) ??
      assert.fail(`${name} has no type`);
    const unit = new RegExp(`^# UNIT ${name} (\\w+)$`).exec(lines[0] ?? "")?.[1] ?? null;
    if (unit !== null) lines.shift();
    const samples: Sample[] = [];
    while (lines.length > 0 && !lines[0]!.startsWith("#")) samples.push(sampleOf(lines.shift()!));
    const base = isOpen ? name : name.replace(/_total$/, "");
    const allowed = SUFFIXES[type]!.map((suffix) => base + suffix);
    for (const sample of samples) assert.ok(allowed.includes(sample.name), `${sample.name} in ${name}`);
    assert.ok(samples.length > 0, `${name} is empty`);
    assert.equal(new Set(samples.map((sample) => JSON.stringify(sample.labels) + sample.name)).size, samples.length);
    if (type === "histogram") checkBuckets(name, samples);
    families.push({ name, type, unit, samples });
  }
  assert.equal(new Set(families.map(({ name }) => name)).size, families.length, "each once");
  return families;
}

/** They rise, end in +Inf, and that is the count. */
function checkBuckets(name: string, samples: readonly Sample[]): void {
  let before: Sample | undefined;
  for (const sample of samples) {
    const { le } = sample.labels;
    if (sample.name === `${name}_bucket`) {
      assert.match(le ?? "", /^(\+Inf|\d+\.\d+)$/);
      if (before !== undefined) {
        assert.ok(Number(before.labels.le) < (le === "+Inf" ? Number.POSITIVE_INFINITY : Number(le)));
        assert.ok(before.value <= sample.value);
      }
      before = sample;
    } else if (sample.name === `${name}_count`) {
      assert.deepEqual([before?.labels.le, before?.value], ["+Inf", sample.value]);
      before = undefined;
    }
  }
}

function sampleOf(line: string): Sample {
  const [, name = "", labels = "", value] = SAMPLE.exec(line) ?? assert.fail(`no sample: ${line}`);
  return { name, labels: labelsOf(labels), value: Number(value) };
}

function labelsOf(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  let at = 0;
  while (at < text.length) {
    const label = /([a-z_]+)="((?:[^"\\\n]|\\["\\n])*)"(,|$)/sy;
    label.lastIndex = at;
    const [all, name, value] = label.exec(text) ?? assert.fail(`no label at ${text.slice(at)}`);
    assert.ok(!(name! in labels), `${name} twice`);
    labels[name!] = value!.replace(/\\(.)/gs, (_, escaped) => (escaped === "n" ? "\n" : escaped));
    at += all.length;
  }
  return labels;
}
