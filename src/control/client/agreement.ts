/**
 * How several balancers agree about the targets of one reporter, without speaking to each other: its reports tell each of them what it may
 * use of a target's limit (credits.ts) and how many connections the others have there (`elsewhere`).
 *
 * Reports are sent as often as ever, and besides when a share is to change, at most one in LEAST_MS to each balancer; and when the sum of
 * what the others have has changed enough (util/material.ts). So what balancers know of each other is some tenths of a second old while counts are
 * small; with many connections it may be wrong by a quarter for as long as it takes until the next report, which is hardly seen in a pick. More
 * often would be more exact, and cost each balancer a report for every connection or two.
 */
import { Allowance } from "../../util/allowance.ts";
import type { Cancel, Clock } from "../../util/clock.ts";
import { BURST, isMaterial, SELDOM_MS } from "../../util/material.ts";
import type { Ok, Report, Usage, Welcome } from "../protocol/messages.ts";
import { Credits } from "./credits.ts";

/** What one report says of it, and what becomes of the answer. */
export interface Terms {
  readonly said: Partial<Pick<Report, "balancers" | "credits" | "elsewhere" | "maxConnections" | "place">>;
  readonly taken: (answer: Pick<Ok, "active" | "before">) => void;
}

/** One balancer's part in it. */
export interface Seat {
  connected(welcome: Pick<Welcome, "instance" | "lease">): void;
  /** There is no connection any more, or there has been none. */
  lost(): void;
  /** Of the report of that target which is sent now. */
  terms(ref: number): Terms;
  told(usage: Pick<Usage, "ref" | "active" | "waiting">): void;
  /** A balancer of that instance has said goodbye, and tells what it has left. */
  left(instance: string, usage: Pick<Usage, "ref" | "active">): void;
  /** What the balancer may use now of that target's limit; null: it has none. */
  issued(ref: number): number | null;
}

export interface AgreementOptions {
  /** Of each target; 0: none. */
  readonly limits: readonly number[];
  /** How many there are. */
  readonly balancers: number;
  /** Of each: which it is in the order that all reporters of the same ones have in common, from 0 on. Left out: that of the numbers here. */
  readonly places?: readonly number[];
  readonly clock: Clock;
  /** That balancer is to be told of that target now. */
  readonly onDue: (balancer: number, ref: number) => void;
}

/** ms between two reports of a target to one balancer for this alone. */
const LEAST_MS = 100;

/** A target, as one balancer has been told of it. */
interface Told {
  at: number;
  elsewhere: number;
  readonly allowance: Allowance;
}

interface Target {
  readonly limit: number;
  readonly credits: Credits;
  readonly told: readonly Told[];
  cancel: Cancel;
}

export class Agreement {
  readonly #options: AgreementOptions;
  readonly #targets: readonly Target[];
  readonly #isOld: boolean[];
  readonly #isConnected: boolean[];
  #isClosed = false;

  constructor(options: AgreementOptions) {
    const { limits, balancers, clock } = options;
    const each = <T>(make: () => T) => Array.from({ length: balancers }, make);
    this.#options = options;
    this.#isOld = each(() => false);
    this.#isConnected = each(() => false);
    this.#targets = limits.map((limit) => ({
      limit,
      credits: new Credits(limit, balancers, clock.now()),
      told: each(() => ({
        at: Number.NEGATIVE_INFINITY,
        elsewhere: 0,
        allowance: new Allowance(BURST, SELDOM_MS),
      })),
      cancel: () => undefined,
    }));
  }

  seat(index: number): Seat {
    const { clock } = this.#options;
    const all = (act: (target: Target) => void) => {
      for (const [ref, target] of this.#targets.entries()) {
        act(target);
        this.#look(ref);
      }
    };
    return {
      connected: ({ instance, lease }) => {
        this.#isOld[index] = instance === undefined;
        this.#isConnected[index] = true;
        all(({ credits }) => credits.connected(index, instance, lease, clock.now()));
      },
      lost: () => {
        this.#isConnected[index] = false;
        all(({ credits }) => credits.lost(index));
      },
      terms: (ref) => this.#terms(index, ref),
      told: ({ ref, active, waiting }) => {
        const target = this.#targets[ref];
        if (target === undefined) return;
        target.credits.told(index, active, waiting);
        this.#look(ref);
      },
      left: (instance, { ref, active }) => {
        const target = this.#targets[ref];
        if (target === undefined) return;
        target.credits.left(index, instance, active, clock.now());
        this.#look(ref);
      },
      issued: (ref) => this.#targets[ref]!.credits.issued(index, clock.now()),
    };
  }

  /** Nothing is due any more. */
  close(): void {
    this.#isClosed = true;
    for (const { cancel } of this.#targets) cancel();
  }

  #terms(index: number, ref: number): Terms {
    const { credits, limit, told } = this.#targets[ref]!;
    const now = this.#options.clock.now();
    const issue = credits.issue(index, now);
    const elsewhere = credits.elsewhere(index, now);
    Object.assign(told[index]!, { at: now, elsewhere });
    const { balancers, places } = this.#options;
    const share = this.#isOld[index] ? { maxConnections: issue.credits } : { credits: issue.credits };
    return {
      said: { ...(limit > 0 && share), elsewhere, balancers, place: places?.[index] ?? index },
      taken: ({ active = 0, before }) => {
        credits.answered(index, issue, active, before);
        this.#look(ref);
      },
    };
  }

  /** Has balancers told that are to be told now, and looks again when that may be so the next time. */
  #look(ref: number): void {
    if (this.#isClosed) return;
    const { clock, onDue } = this.#options;
    const target = this.#targets[ref]!;
    const now = clock.now();
    let next = target.credits.next(now);
    for (const [index, told] of target.told.entries()) {
      const at = this.#isConnected[index] ? this.#dueAt(target, index, now) : Number.POSITIVE_INFINITY;
      if (at > now) {
        next = Math.min(next, at);
        continue;
      }
      told.at = now; // it is on its way
      onDue(index, ref);
    }
    target.cancel();
    target.cancel =
      next === Number.POSITIVE_INFINITY ? () => undefined : clock.after(next - now, () => this.#look(ref));
  }

  #dueAt({ credits, told }: Target, index: number, now: number): number {
    const { at, elsewhere, allowance } = told[index]!;
    const least = at + LEAST_MS;
    if (credits.isDue(index, now)) return least;
    if (!isMaterial(credits.elsewhere(index, now), elsewhere)) return Number.POSITIVE_INFINITY;
    const seldom = Math.max(least, allowance.next(now));
    if (seldom <= now) allowance.take(now);
    return seldom;
  }
}
