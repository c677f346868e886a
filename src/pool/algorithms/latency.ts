/**
 * The less loaded of two, load being measured in time: two different rows are drawn in proportion to weight, and the one with the
 * smaller (active + 1) × cost gets the connection, where each connection counts by what the row weighs, measured by both of them: rows
 * that are idle and cost alike get what they weigh. What other balancers have there counts as active, as far as that is known. The
 * cost of a row is the peak EWMA of its answers (Finagle, Linkerd): what connecting and waiting for the first byte took together,
 * where a slower answer counts at once and in full, and fades from then on:
 *
 *     cost(t) = max over answers of  ms × e^(-(t - answered) / FADE_MS)
 *
 * So a target that becomes slow is left alone after one answer, before its open connections show it, and nobody starves: the cost of
 * one that is not asked fades until it is worth a try, one that is ten times as slow as the others every 23 s (ln 10 × FADE_MS), and
 * the answer to that says whether it still is. What has not answered yet counts as the mean of all answers of late, and never as
 * slower than the one that it is compared with: or it might never be asked.
 */
import type { Cutter } from "../cutter.ts";
import { algorithm, type PickerContext } from "./algorithm.ts";
import { type ChoicesMemory, choicesMemory, TwoChoices } from "./two-choices.ts";

export const latency = algorithm({
  name: "latency",
  doc: "the one of two at random that answers sooner, for its load",
  use: "targets that are not equally fast, or not always",
  wantsAnswers: true,
  memory,
  move(from: Memory, to: Memory): boolean {
    for (const name of ["random", "cost", "costAt", "usual"] as const) to[name].set(from[name] as never);
    return true;
  },
  create: (context, memory: Memory) => new LowestLatency(context, memory),
});

/** Finagle's: long enough that a slow target costs few connections, short enough that one that has recovered is used within half a minute. */
const FADE_MS = 10_000;
/** Below this, answers differ by what the balancer itself and its clock do. */
const LEAST_MS = 1;
/** So many times the usual is the most that an answer counts: one that took a minute keeps nobody away for longer than one of seconds. */
const MOST_USUAL = 256;
/** Weight of a new answer in what is usual: of some fifty answers, so that one slow target among ten hardly shows in it. */
const USUAL_GAIN = 1 / 32;

type Memory = ReturnType<typeof memory>;

function memory(cutter: Cutter, rows: number) {
  return {
    ...choicesMemory(cutter, rows),
    /** By row, ms, as it was at `costAt`. 0: it has not answered yet. */
    cost: cutter.doubles(rows),
    /** By the pool's clock. */
    costAt: cutter.doubles(rows),
    /** Smoothed ms of all answers, in its only element; 0: there was none. */
    usual: cutter.doubles(1),
  };
}

class LowestLatency extends TwoChoices {
  readonly #cost: Float64Array;
  readonly #costAt: Float64Array;
  readonly #usual: Float64Array;

  constructor(context: PickerContext, memory: ChoicesMemory & Memory) {
    super(context, memory);
    this.#cost = memory.cost;
    this.#costAt = memory.costAt;
    this.#usual = memory.usual;
  }

  override onAdded(row: number): void {
    this.#cost[row] = 0;
  }

  override onAnswered(row: number, ms: number, now: number): void {
    const taken = Math.max(LEAST_MS, ms);
    const usual = this.#usual[0] || taken;
    const counts = Math.min(taken, MOST_USUAL * usual);
    this.#usual[0] = usual + USUAL_GAIN * (counts - usual);
    this.#cost[row] = Math.max(this.#costOf(row, now), counts);
    this.#costAt[row] = now;
  }

  protected choose(now: number): number {
    const first = this.draw();
    const second = this.drawOther(first);
    const { active, elsewhere, weight } = this.layout;
    const mean = (weight[first]! + weight[second]!) / 2;
    const [costs, costsToo] = [this.#costOf(first, now), this.#costOf(second, now)];
    const load =
      (((active[first]! + elsewhere[first]!) * mean) / weight[first]! + 1) * (costs || this.#unknown(costsToo));
    const loadToo =
      (((active[second]! + elsewhere[second]!) * mean) / weight[second]! + 1) * (costsToo || this.#unknown(costs));
    return loadToo < load ? second : first;
  }

  /** 0: it is not known. */
  #costOf(row: number, now: number): number {
    const cost = this.#cost[row]!;
    if (cost === 0) return 0;
    return Math.max(LEAST_MS, cost * fading(now - this.#costAt[row]!));
  }

  /** Of a row that has not answered yet, beside one that costs so much, or is not known either. */
  #unknown(other: number): number {
    return other === 0 ? 1 : Math.min(other, this.#usual[0]!);
  }
}

function fading(age: number): number {
  return Math.exp(-Math.max(0, age) / FADE_MS);
}
