/** Connections that are open on the targets of a real pool, in an engine that moves nothing: its clock is the test's. */
import { Pool } from "../../../src/pool/pool.ts";
import type { OpenConnection } from "../../../src/proxy/open.ts";
import type { RemovalCause } from "../../../src/proxy/outcome.ts";
import type { ManualClock } from "../../support/clock.ts";

const CLIENT = new Uint32Array(4);

export interface Ended {
  readonly id: string;
  readonly target: string;
  readonly cause: RemovalCause;
  readonly at: number;
}

export class FakeLive {
  readonly pool: Pool;
  readonly open = new Map<string, OpenConnection & { readonly row: number }>();
  readonly ended: Ended[] = [];
  /** Told of each that was ended. */
  onEnded: (ended: Ended) => void = () => undefined;
  readonly #clock: ManualClock;
  /** So many were open at once. */
  most = 0;
  #opened = 0;

  constructor(clock: ManualClock) {
    this.#clock = clock;
    this.pool = Pool.create({
      name: "web",
      algorithm: "leastconn",
      persistent: null,
      concurrency: -1,
      queue: 10,
      seed: 1,
    });
  }

  now(): number {
    return this.#clock.now();
  }

  target(
    identity: string,
    weight = 100,
    more: { readonly backup?: boolean; readonly maxConnections?: number } = {},
  ): void {
    const address = { host: "10.0.0.1", port: 1 + this.pool.targetRows().length };
    this.pool.set({ identity, address, weight, maxConnections: 0, ...more }, "up");
  }

  /** A connection that is relayed by whichever target the pool picks, but for these; null: there is none for it. */
  connect(phase: OpenConnection["phase"] = "relay", not: readonly string[] = []): string | null {
    const tried = not.map((identity) => this.pool.row(identity));
    const row = this.pool.pick(CLIENT, tried, this.now());
    if (row < 0) return null;
    const id = `${this.#opened++}`;
    const target = this.pool.identity(row);
    const at = { acceptedAt: this.now(), startedAt: this.now(), ageMs: 0, queuedMs: 0, connectMs: 1, firstByteMs: 1 };
    const bytes = { idleMs: null, bytesIn: 1, bytesOut: 1, failed: 0 };
    const client = { host: "10.0.1.1", port: 1 };
    this.open.set(id, { id, client, listener: "*:1", pool: "web", target, phase, ...at, ...bytes, row });
    this.most = Math.max(this.most, this.open.size);
    return id;
  }

  /** Marks when the connection last moved a byte. */
  moved(id: string, at: number): void {
    const of = this.open.get(id)!;
    this.open.set(id, { ...of, movedAt: at } as typeof of);
  }

  on(target: string): string[] {
    return [...this.open.values()].filter((each) => each.target === target).map(({ id }) => id);
  }

  *connections(): IterableIterator<OpenConnection> {
    const now = this.now();
    for (const each of this.open.values()) {
      const movedAt = (each as { movedAt?: number }).movedAt ?? each.acceptedAt;
      yield { ...each, ageMs: now - each.acceptedAt, idleMs: now - movedAt };
    }
  }

  end(ids: Iterable<string>, cause: RemovalCause): number {
    let count = 0;
    for (const id of ids) {
      const of = this.open.get(id);
      if (of === undefined) continue;
      count++;
      if (cause === "target-gone" && (this.pool.isUp(of.row) || of.phase !== "relay")) continue;
      this.close(id);
      const ended = { id, target: of.target!, cause, at: this.now() };
      this.ended.push(ended);
      this.onEnded(ended);
    }
    return count;
  }

  close(id: string): void {
    const { row } = this.open.get(id)!;
    this.open.delete(id);
    this.pool.release(row, CLIENT, 0, 0, this.now());
  }
}
