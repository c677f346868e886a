/** Clients that come to several balancers at once: the tables of all have one target for each, however late they hear of each other. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { OwnBinding } from "../../src/pool/binding-exchange.ts";
import type { Moment } from "../../src/pool/binding-precedence.ts";
import type { ClientKey, Pool } from "../../src/pool/pool.ts";
import { clientKey, clientText } from "../../src/util/client-key.ts";
import { amount } from "../support/amount.ts";
import fc from "../support/draws.ts";
import { addTarget, makePool } from "./helpers.ts";

/** ms from one look at what is new to the next. */
const GATHER_MS = 100;
const TARGETS = ["a", "b", "c", "d"];
const CLIENTS = ["192.0.2.1", "192.0.2.2", "2001:db8:1:2::/64", "fe80::1"];
const NEWCOMER_MS = 1_000;
const EPOCH = 1_700_000_000_000;

interface Letter {
  readonly to: number;
  readonly said: OwnBinding;
  /** The same by its name, as rows are each table's own. */
  readonly target: string;
  readonly arrivesAt: number;
}

/** Tables of balancers that tell each other of their bindings. */
class Tables {
  readonly pools: Pool[];
  now = 0;
  written = 0;
  readonly #delays: () => number;
  readonly #opened: { at: number; row: number; client: ClientKey }[] = [];
  #letters: Letter[] = [];

  /** `delays`: in how many looks each word arrives. */
  constructor(count: number, delays: () => number) {
    this.#delays = delays;
    this.pools = Array.from({ length: count }, (_, n) => {
      const pool = makePool({ persistent: 3_600_000, algorithm: "random", maxBindings: 64, maxTargets: 8, seed: n });
      // In another order at each, so that no row means the same.
      for (const target of [...TARGETS.slice(n), ...TARGETS.slice(0, n)]) addTarget(pool, target);
      pool.exchange.isOn = true;
      return pool;
    });
  }

  open(at: number, client: number): void {
    const key = keyOf(client);
    const row = this.pools[at]!.pick(key, [], this.now);
    if (row >= 0) this.#opened.push({ at, row, client: key });
  }

  close(which: number): void {
    const [one] = this.#opened.splice(which % Math.max(1, this.#opened.length), 1);
    if (one !== undefined) this.pools[one.at]!.release(one.row, one.client, 0, 0, this.now);
  }

  closeAll(): void {
    while (this.#opened.length > 0) this.close(0);
  }

  pass(looks: number): void {
    for (let n = 0; n < looks; n++) {
      this.now += GATHER_MS;
      this.#tell();
      this.#hear();
    }
  }

  /** By client, its target in each of the tables. */
  targets(): Map<string, string[]> {
    const found = new Map<string, string[]>();
    for (const pool of this.pools) {
      for (const { client, row } of pool.bindingViews(() => this.now)) {
        found.set(client, [...(found.get(client) ?? []), pool.identity(row)]);
      }
    }
    return found;
  }

  /** The last one is a newcomer for a while. */
  #momentOf(table: number): Moment {
    const isNewcomer = table === 2 && this.now < NEWCOMER_MS;
    return { now: this.now, stamp: isNewcomer ? -EPOCH - this.now : EPOCH + this.now };
  }

  #tell(): void {
    for (const [from, pool] of this.pools.entries()) {
      for (const said of pool.exchange.take(this.#momentOf(from), GATHER_MS, 1_000)) {
        this.written++;
        for (const to of this.pools.keys()) {
          if (to === from) continue;
          const arrivesAt = this.now + GATHER_MS * this.#delays();
          this.#letters.push({ to, said, target: pool.identity(said.row), arrivesAt });
        }
      }
    }
  }

  #hear(): void {
    const due = this.#letters.filter(({ arrivesAt }) => arrivesAt <= this.now);
    this.#letters = this.#letters.filter(({ arrivesAt }) => arrivesAt > this.now);
    for (const { to, said, target } of due) {
      const pool = this.pools[to]!;
      pool.exchange.adopt(said.client, pool.row(target), said, this.#momentOf(to));
    }
  }
}

function keyOf(client: number): ClientKey {
  return clientKey(CLIENTS[client]!.replace("/64", ""), new Uint32Array(4));
}

const at = fc.nat(2);
const client = fc.nat(CLIENTS.length - 1);
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("open" as const), at, client }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("close" as const), which: fc.nat(20) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("pass" as const), looks: fc.nat(4) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("state" as const),
      at,
      target: fc.constantFrom(...TARGETS.slice(1)),
      state: fc.constantFrom("up" as const, "down" as const),
    }),
  },
);
const delays = fc.infiniteStream(fc.nat(1_000));

function play(tables: Tables, steps: readonly (typeof step extends fc.Arbitrary<infer T> ? T : never)[]): void {
  for (const each of steps) {
    if (each.do === "open") tables.open(each.at, each.client);
    else if (each.do === "close") tables.close(each.which);
    else if (each.do === "pass") tables.pass(each.looks);
    else tables.pools[each.at]!.setState(each.target, each.state);
  }
  tables.closeAll();
}

describe("a client that comes to several balancers at once", () => {
  it("has one target at all of them within a second of its last connection", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60, size: "max" }), delays, (steps, drawn) => {
        const tables = new Tables(3, () => drawn.next().value % 4);
        play(tables, steps);
        tables.pass(10);
        for (const [who, targets] of tables.targets()) {
          assert.equal(targets.length, 3, `${who} is known to all`);
          assert.equal(new Set(targets).size, 1, `${who} has ${targets}`);
        }
      }),
      { numRuns: amount(300) },
    );
  });

  it("has one at last, however late and in whatever order words come, and nothing more is said then", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60, size: "max" }), delays, (steps, drawn) => {
        const tables = new Tables(3, () => drawn.next().value % 60);
        play(tables, steps);
        tables.pass(130);
        for (const targets of tables.targets().values()) assert.equal(new Set(targets).size, 1);
        const { written } = tables;
        tables.pass(100);
        assert.equal(tables.written, written);
      }),
      { numRuns: amount(200) },
    );
  });

  it("costs few words, though it comes to both by turns while they are on their way", () => {
    const tables = new Tables(2, () => 2);
    for (let n = 0; n < 200; n++) {
      tables.open(n % 2, 0);
      tables.closeAll();
      tables.pass(1);
    }
    assert.ok(tables.written <= 4, `${tables.written} were said`);
    const keys = [...tables.targets().keys()];
    assert.deepEqual(keys, [clientText(keyOf(0))]);
  });

  it("costs few words while it is connected to both, each to a target of its own", () => {
    const tables = new Tables(2, () => 2);
    for (let n = 0; n < CLIENTS.length; n++) for (const at of [0, 1]) tables.open(at, n);
    tables.pass(6_000); // ten minutes of an hour that each binding lasts
    assert.ok([...tables.targets().values()].some((targets) => new Set(targets).size > 1));
    assert.ok(tables.written <= 10 * CLIENTS.length, `${tables.written} were said`);
  });
});
