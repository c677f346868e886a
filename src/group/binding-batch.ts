/** Sticky bindings as one balancer writes them down for the others, some hundreds in a text. */
import * as z from "zod/mini";
import { moment, name, whole } from "../control/protocol/schema.ts";
import { LATEST } from "../pool/binding-precedence.ts";
import { jsonOf } from "./word.ts";

/** Bindings in one text, and bytes: a store takes no longer ones than 64 kB. */
export const MOST_IN_BATCH = 500;
export const BATCH_BYTES = 48 * 1024;
/** What a client takes beside its name, and a target. */
const CLIENT_BYTES = 42;
const TARGET_BYTES = 16;
/** That a character may take. */
const MOST_OF_ONE = 6;

/** A client's binding, as all balancers call what it is made of. */
export interface Bound {
  readonly pool: string;
  /** An address, or of IPv6 the network of 64 bits that it lies in. */
  readonly client: string;
  readonly target: string;
  /** When it was used last; ms since 1970. */
  readonly at: number;
  /** When the client was bound to it: see binding-precedence.ts. */
  readonly boundAt: number;
}

/** Those of one target. */
export interface BoundThere {
  readonly pool: string;
  readonly target: string;
  readonly clients: readonly (readonly [client: string, at: number, boundAt: number])[];
}

const Batch = z.object({
  /** When it was written. */
  at: moment,
  /** Pool and target, and their clients with how many ms before that they were there. */
  rows: z
    .array(
      z.tuple([
        name,
        z.string().check(z.maxLength(700)),
        z.array(z.tuple([z.string().check(z.maxLength(64)), whole(0, Number.MAX_SAFE_INTEGER)])),
      ]),
    )
    .check(z.maxLength(MOST_IN_BATCH)),
  /** For each of the rows, how many ms before that its clients were bound to the target. */
  bound: z.optional(z.array(z.array(z.int())).check(z.maxLength(MOST_IN_BATCH))),
});

/** How long a text becomes at most. */
export class BatchSize {
  count = 0;
  bytes = 0;
  readonly #targets = new Set<string>();

  /** Whether it fits beside those that are in it. */
  fits(one: Bound): boolean {
    return this.count === 0 || (this.count < MOST_IN_BATCH && this.bytes + this.#bytesOf(one) <= BATCH_BYTES);
  }

  add(one: Bound): void {
    this.bytes += this.#bytesOf(one);
    this.#targets.add(one.target);
    this.count++;
  }

  #bytesOf({ client, target, pool }: Bound): number {
    const ofTarget = this.#targets.has(target) ? 0 : MOST_OF_ONE * target.length + pool.length + TARGET_BYTES;
    return client.length + CLIENT_BYTES + ofTarget;
  }
}

export function writeBatch(bindings: Iterable<Bound>, now: number): string {
  const rows = new Map<string, { row: [string, string, [string, number][]]; bound: number[] }>();
  for (const { pool, client, target, at, boundAt } of bindings) {
    const { row, bound } = rows.get(target) ?? { row: [pool, target, []], bound: [] };
    rows.set(target, { row, bound });
    row[2].push([client, Math.max(0, Math.round(now - at))]);
    bound.push(now - boundAt);
  }
  const all = [...rows.values()];
  return JSON.stringify({ at: now, rows: all.map(({ row }) => row), bound: all.map(({ bound }) => bound) });
}

/**
 * Empty: it is none. Nothing in it was used in the future, by this balancer's own clock; where it does not say when a client was bound to its target,
 * that was when it was used.
 */
export function readBatch(given: string, now: number): readonly BoundThere[] {
  const { data } = Batch.safeParse(jsonOf(given));
  if (data === undefined) return [];
  const { at, rows, bound } = data;
  const from = Math.min(at, now);
  const all = rows.map(([pool, target, clients], i) => ({
    pool,
    target,
    clients: clients.map(([client, ago], j) => {
      const boundAt = at - (bound?.[i]?.[j] ?? at - (from - ago));
      return [client, from - ago, Math.min(Math.max(boundAt, -LATEST), LATEST)] as const;
    }),
  }));
  return all.filter(({ clients }) => clients.length > 0); // Harmony writes no others, and as many as may wait for their targets have names of some 100 MB
}
