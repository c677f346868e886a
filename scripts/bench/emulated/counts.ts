/** From what the emulated machine said to instructions per unit of work, and the table of them. */
import { readWrk } from "../load.ts";
import { median, spread } from "../report.ts";

/** One load: its finished requests, and what each thread of the balancer executed meanwhile. */
export interface Batch {
  readonly kind: string;
  readonly requests: number;
  readonly threads: readonly { readonly name: string; readonly instructions: number }[];
}

export interface Counted {
  readonly form: string;
  readonly batches: readonly Batch[];
}

/** Reads what guest.sh says; throws if its job did not come to its end, or if a request failed. */
export function readBatches(console: string): Batch[] {
  if (!/^finished$/m.test(console)) throw new Error(`the emulated machine did not finish:\n${console.slice(-2000)}`);
  return console
    .split(/^batch /m)
    .slice(1)
    .map((text) => {
      const [, kind, before, load, after] = /^(\w+)\n(.*?)^load\n(.*?)^after\n(.*)/ms.exec(text) ?? [];
      if (!after) throw new Error(`not what guest.sh says:\n${text}`);
      const { requests, errors } = readWrk(load!);
      if (requests === 0 || errors > 0) throw new Error(`${errors} of ${requests} requests failed:\n${load}`);
      return { kind: kind!, requests, threads: difference(readThreads(before!), readThreads(after)) };
    });
}

type Threads = ReadonlyMap<string, { readonly name: string; readonly nanoseconds: number }>;

function readThreads(text: string): Threads {
  const lines = [...text.matchAll(/^thread (\d+) (\d+) (.*)$/gm)];
  return new Map(lines.map(([, id, ns, name]) => [id!, { name: name!, nanoseconds: Number(ns) }]));
}

/** A thread that ended meanwhile is not among them: those do so after they have been idle for seconds. */
function difference(before: Threads, after: Threads): Batch["threads"] {
  return [...after]
    .map(([id, { name, nanoseconds }]) => ({ name, instructions: nanoseconds - (before.get(id)?.nanoseconds ?? 0) }))
    .filter(({ instructions }) => instructions > 0);
}

function perRequest({ requests, threads }: Batch): { all: number; busiest: number } {
  const counts = threads.map(({ instructions }) => instructions / requests);
  return { all: counts.reduce((sum, count) => sum + count, 0), busiest: Math.max(...counts) };
}

/** What is told of each form: a head and a cell per column. `references` are names of forms. */
function columns(kind: string, rows: readonly Counted[], references: readonly string[]): Map<string, string[]> {
  const counts = new Map(rows.map(({ form, batches }) => [form, countsOf(kind, batches)]));
  const cells = [...counts].map(([form, { all, busiest }]): [string, string[]] => {
    const ratios = references.map((name) => {
      const base = counts.get(name);
      return base ? (median(all) / median(base.all)).toFixed(3) : "-";
    });
    return [form, [median(all).toFixed(0), `±${spread(all).toFixed(2)} %`, median(busiest).toFixed(0), ...ratios]];
  });
  return new Map([["", ["all", "spread", "busiest thread", ...references.map((name) => `× ${name}`)]], ...cells]);
}

/** Of the medians of two forms, as text. */
export function ratio(kind: string, rows: readonly Counted[], of: string, to: string): string {
  const [one, other] = [of, to].map((name) => rows.find(({ form }) => form === name));
  if (!one || !other) throw new Error(`${of} and ${to} were not both counted`);
  return (median(countsOf(kind, one.batches).all) / median(countsOf(kind, other.batches).all)).toFixed(2);
}

/** A block per kind of load, a row per form: medians over the batches, with the ratios to the forms named. */
export function table(
  kinds: Readonly<Record<string, string>>,
  rows: readonly Counted[],
  references: readonly string[],
): string {
  const width = Math.max(...rows.map(({ form }) => form.length));
  const blocks = Object.entries(kinds).map(([kind, title]) => {
    const all = columns(kind, rows, references);
    const heads = all.get("")!;
    const line = ([form, cells]: [string, string[]]): string =>
      `  ${form.padEnd(width)}${cells.map((cell, at) => `  ${cell.padStart(Math.max(10, heads[at]!.length))}`).join("")}`;
    return ["", title, ...[...all].map(line)].join("\n");
  });
  return blocks.join("\n");
}

/** The same for documentation. */
export function markdown(
  kinds: Readonly<Record<string, string>>,
  rows: readonly Counted[],
  references: readonly string[],
): string {
  const blocks = Object.entries(kinds).map(([kind, title]) => {
    const lines = [...columns(kind, rows, references)].map(
      ([form, cells]) => `| ${[form || title, ...cells].join(" | ")} |`,
    );
    const rule = `| --- |${" ---: |".repeat(3 + references.length)}`;
    return [lines[0], rule, ...lines.slice(1)].join("\n");
  });
  return blocks.join("\n\n");
}

function countsOf(kind: string, batches: readonly Batch[]): { all: number[]; busiest: number[] } {
  const counts = batches.filter((batch) => batch.kind === kind).map(perRequest);
  return { all: counts.map(({ all }) => all), busiest: counts.map(({ busiest }) => busiest) };
}
