/** Services that reporters bring, as a control server knows them: a pool made when it is asked for, and no socket. */
import type { BringingReport, Services } from "../../src/control/server/services.ts";
import { Pool } from "../../src/pool/pool.ts";
import type { Asking } from "../../src/targets/report.ts";

export class FakeServices implements Services {
  readonly pools: Map<string, Pool>;
  /** As `pool port`, in the order in which they were asked for. */
  readonly brought: string[] = [];
  /** What the last look has told. */
  asking: readonly Asking[] = [];
  looks = 0;
  /** What becomes of the next one. */
  fault: Error | null = null;
  /** What the next one waits for. */
  gate: Promise<void> = Promise.resolve();

  constructor(defined: readonly Pool[]) {
    this.pools = new Map(defined.map((pool) => [pool.options.name, pool]));
  }

  get size(): number {
    return this.brought.length;
  }

  async bring({ pool: name, listen }: BringingReport): Promise<void> {
    await this.gate;
    if (this.fault) throw this.fault;
    this.brought.push(`${name} ${listen}`);
    if (!this.pools.has(name)) this.pools.set(name, poolOf(name));
  }

  look(asking: readonly Asking[]): void {
    this.asking = asking;
    this.looks += 1;
  }
}

export function poolOf(name: string): Pool {
  return Pool.create({ name, algorithm: "leastconn", persistent: null, concurrency: -1, queue: 0 });
}
