/** From what is wanted to what is declared, with names that change, fail and go. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { FoundAddresses, NameService, ServiceRecord } from "../../../src/net/dns.ts";
import { netError } from "../../../src/net/net-error.ts";
import { DeclaredTargets } from "../../../src/targets/sources/declared-targets.ts";
import { MOST_INSTANCES } from "../../../src/targets/sources/look-up.ts";
import type { DeclaredTarget, WantedPlace, WantedTarget } from "../../../src/targets/wanted.ts";
import { formatAddress } from "../../../src/util/address.ts";
import { amount } from "../../support/amount.ts";
import { ManualClock } from "../../support/clock.ts";
import fc from "../../support/draws.ts";
import { settle } from "../../support/wait.ts";

const INTERVAL = 30_000;
const RETRY = 5_000;

/** What a name gives; null: looking it up fails. */
interface Zone {
  ips: readonly string[] | null;
  holds?: number | null;
  missing?: 4 | 6 | null;
}

class World implements NameService {
  readonly clock = new ManualClock();
  readonly atOnce: number;
  readonly zones = new Map<string, Zone>();
  readonly records = new Map<string, readonly ServiceRecord[]>();
  /** Names in the order in which they were looked up, and what they gave. */
  readonly asked: { name: string; ips: readonly string[] | null }[] = [];
  readonly declared = new Map<string, readonly DeclaredTarget[]>();
  declarations = 0;
  readonly warnings: string[] = [];
  underWay = 0;
  mostUnderWay = 0;
  /** Answers wait for it. */
  gate: Promise<void> = Promise.resolve();
  readonly targets: DeclaredTargets;

  constructor(atOnce = 16) {
    this.atOnce = atOnce;
    this.targets = new DeclaredTargets({
      clock: this.clock,
      resolver: this,
      onTargets: (pool, targets) => {
        this.declared.set(pool, targets);
        this.declarations += 1;
      },
      onWarning: (message) => void this.warnings.push(message),
    });
  }

  async addresses(host: string): Promise<FoundAddresses> {
    const { ips, holds = null, missing = null } = this.zones.get(host) ?? { ips: null };
    this.asked.push({ name: host, ips });
    await this.#wait();
    if (ips === null) throw netError("ENOTFOUND", `cannot look up ${host}`);
    return { addresses: ips, holds: Promise.resolve(holds), missing };
  }

  async services(name: string): Promise<readonly ServiceRecord[]> {
    const records = this.records.get(name);
    this.asked.push({ name, ips: null });
    await this.#wait();
    if (records === undefined) throw netError("ENOTFOUND", `cannot look up srv:${name}`);
    return records;
  }

  close(): void {
    this.asked.length = 0;
  }

  /** What the pool has, as `ADDRESS weight`, and `backup`. */
  of(pool: string): string[] {
    const targets = this.declared.get(pool) ?? [];
    return targets.map(
      ({ address, weight, backup }) => `${formatAddress(address)} ${weight}${backup ? " backup" : ""}`,
    );
  }

  async pass(ms: number): Promise<void> {
    await settle(20);
    this.clock.advance(ms);
    await settle(20);
  }

  async #wait(): Promise<void> {
    this.mostUnderWay = Math.max(this.mostUnderWay, ++this.underWay);
    await this.gate;
    this.underWay -= 1;
  }
}

function want(place: WantedPlace, terms: Partial<WantedTarget> = {}): WantedTarget {
  return { weight: 100, maxConnections: 0, priority: 0, backup: false, ...terms, ...place } as WantedTarget;
}

function name(host: string, port = 5432): WantedPlace {
  return { kind: "name", host, port };
}

function at(host: string, port = 5432): WantedPlace {
  return { kind: "address", address: { host, port } };
}

const DB = want(name("db.example"));

describe("targets that the document wants", () => {
  it("are there at once where they have an address, and a name's once it is looked up, in the document's order", async () => {
    const world = new World();
    world.zones.set("db.example", { ips: ["10.0.0.2", "fd00::2"] });
    const terms = { weight: 7, maxConnections: 3, priority: 0, backup: true };
    const socket = want({ kind: "address", address: { path: "/run/db.sock" } });
    world.targets.set("db", [want(name("db.example"), terms), want(at("10.0.0.1")), socket]);
    assert.deepEqual(world.of("db"), ["10.0.0.1:5432 100", "unix:/run/db.sock 100"]);
    await settle();
    const [first, , third] = world.declared.get("db")!;
    assert.deepEqual(first, { ...terms, address: { host: "10.0.0.2", port: 5432 }, source: "dns", name: "db.example" });
    assert.deepEqual([third!.source, third!.name], ["static", null]);
    assert.equal(world.of("db")[1], "[fd00::2]:5432 7 backup");
  });

  it("stay while a name that takes their place is looked up for the first time, and go with its answer", async () => {
    const world = new World();
    world.zones.set("db.example", { ips: ["10.0.0.2"] });
    world.targets.set("db", [want(at("10.0.0.1")), want(at("10.0.0.3"))]);
    let open = () => {};
    world.gate = new Promise((resolve) => (open = resolve));
    world.targets.set("db", [DB, want(at("10.0.0.3"), { weight: 7 })]);
    await settle();
    assert.deepEqual(world.of("db"), ["10.0.0.3:5432 7", "10.0.0.1:5432 100"]);
    open();
    await settle();
    assert.deepEqual(world.of("db"), ["10.0.0.2:5432 100", "10.0.0.3:5432 7"]);
  });

  it("go where the name that takes their place cannot be looked up", async () => {
    const world = new World();
    world.targets.set("db", [want(at("10.0.0.1"))]);
    world.targets.set("db", [DB]);
    assert.deepEqual(world.of("db"), ["10.0.0.1:5432 100"]);
    await settle();
    assert.deepEqual(world.of("db"), []);
    assert.equal(world.warnings.length, 1);
  });

  for (const [what, holds, interval] of [
    ["as long as they hold", 7_000, 7_000],
    ["a second at least", 0, 1_000],
    ["an hour at most", 7_200_000, 3_600_000],
    ["a while where nobody says", null, INTERVAL],
  ] as const) {
    it(`are looked up again after ${what}`, async () => {
      const world = new World();
      world.zones.set("db.example", { ips: ["10.0.0.1"], holds });
      world.targets.set("db", [DB]);
      for (const count of [1, 2, 3]) {
        await world.pass(interval - 1);
        assert.equal(world.asked.length, count);
        await world.pass(1);
        assert.equal(world.asked.length, count + 1);
      }
    });
  }

  it("follow their name, and say nothing where only the order has changed", async () => {
    const world = new World();
    world.zones.set("db.example", { ips: ["10.0.0.1", "10.0.0.2"] });
    world.targets.set("db", [DB]);
    await settle();
    const before = world.declarations;
    world.zones.set("db.example", { ips: ["10.0.0.2", "10.0.0.1", "10.0.0.2"] });
    await world.pass(INTERVAL);
    assert.equal(world.declarations, before);
    world.zones.set("db.example", { ips: ["10.0.0.3", "10.0.0.2"] });
    await world.pass(INTERVAL);
    assert.deepEqual(world.of("db"), ["10.0.0.2:5432 100", "10.0.0.3:5432 100"]);
  });

  it("stay while their name cannot be looked up, which is told once for each time", async () => {
    const world = new World();
    world.zones.set("db.example", { ips: ["10.0.0.1"] });
    world.targets.set("db", [DB]);
    await settle();
    for (const count of [1, 2]) {
      world.zones.set("db.example", { ips: null });
      await world.pass(INTERVAL);
      for (let retries = 0; retries < 3; retries++) await world.pass(RETRY);
      assert.deepEqual(world.of("db"), ["10.0.0.1:5432 100"]);
      assert.equal(world.warnings.length, count);
      assert.match(world.warnings[0]!, /^pool db: cannot look up db\.example: .*; what was known of it stays$/);
      world.zones.set("db.example", { ips: ["10.0.0.1"] });
      await world.pass(RETRY);
    }
    assert.equal(world.asked.length, 1 + 2 * 5);
  });

  it("are none as long as their name could never be looked up, and are there soon after it can", async () => {
    const world = new World();
    world.targets.set("db", [DB]);
    await world.pass(RETRY);
    assert.deepEqual(world.of("db"), []);
    assert.match(world.warnings[0]!, /it gives no targets until it can$/);
    world.zones.set("db.example", { ips: ["10.0.0.1"] });
    await world.pass(RETRY);
    assert.deepEqual(world.of("db"), ["10.0.0.1:5432 100"]);
  });

  it("keep the addresses of a family that alone cannot be looked up", async () => {
    const world = new World();
    world.zones.set("db.example", { ips: ["10.0.0.1", "fd00::1"] });
    world.targets.set("db", [DB]);
    await settle();
    world.zones.set("db.example", { ips: ["10.0.0.2"], missing: 6 });
    await world.pass(INTERVAL);
    assert.deepEqual(world.of("db"), ["10.0.0.2:5432 100", "[fd00::1]:5432 100"]);
    assert.deepEqual(world.warnings, ["pool db: cannot look up the IPv6 addresses of db.example"]);
  });

  it("are a bounded number for each name, always the same ones", async () => {
    const world = new World();
    const ips = Array.from({ length: 300 }, (_, each) => `10.0.${Math.floor(each / 100)}.${each % 100}`);
    world.zones.set("db.example", { ips });
    world.targets.set("db", [DB]);
    await settle();
    const before = world.of("db");
    assert.equal(before.length, MOST_INSTANCES);
    assert.deepEqual(world.warnings, [
      `pool db: db.example has more than ${MOST_INSTANCES} addresses, of which ${MOST_INSTANCES} are used`,
    ]);
    world.zones.set("db.example", { ips: ips.toReversed() });
    await world.pass(INTERVAL);
    assert.deepEqual(world.of("db"), before);
  });

  it("are as few and the same ones of a service with any number of records, hosts and addresses, and found in no time", async () => {
    const world = new World();
    const records = Array.from({ length: 3_000 }, (_, each) => ({
      host: `h${each % 300}`,
      port: 1 + each,
      priority: 1,
      weight: 1,
    }));
    const ips = Array.from({ length: 4_000 }, (_, each) => `10.1.${Math.floor(each / 256)}.${each % 256}`);
    for (let each = 0; each < 300; each++) world.zones.set(`h${each}`, { ips });
    world.records.set("_db", records);
    world.targets.set("db", [want({ kind: "srv", name: "_db" })]);
    await settle(20);
    const before = world.of("db");
    assert.equal(before.length, MOST_INSTANCES);
    assert.ok(world.asked.length < 10, "hosts that would not be used are not looked up");
    world.records.set("_db", records.toReversed());
    for (const zone of world.zones.values()) zone.ips = ips.toReversed();
    await world.pass(INTERVAL);
    assert.deepEqual(world.of("db"), before);
  });

  it("keep other names waiting for some seconds at most, where a service has hosts without end that take long", async () => {
    const world = new World(1);
    const hosts = Array.from({ length: 200 }, (_, each) => `h${each}`);
    for (const host of hosts) world.zones.set(host, { ips: null });
    world.records.set(
      "_db",
      hosts.map((host) => ({ host, port: 1, priority: 1, weight: 1 })),
    );
    world.zones.set("other", { ips: ["10.0.0.1"] });
    const { addresses } = world;
    world.addresses = (host) => {
      world.clock.advance(9_000); // as a look-up takes of which no server says anything
      return addresses.call(world, host);
    };
    world.targets.set("db", [want({ kind: "srv", name: "_db" })]);
    world.targets.set("other", [want(name("other"))]);
    await settle(20);
    assert.deepEqual(world.of("other"), ["10.0.0.1:5432 100"]);
    assert.ok(world.clock.now() < 100_000, `after ${world.clock.now()} ms`);
    world.targets.close();
  });

  it("are looked up once, though several pools want the name", async () => {
    const world = new World();
    world.zones.set("db.example", { ips: ["10.0.0.1"] });
    world.targets.set("a", [DB]);
    world.targets.set("b", [want(name("DB.example", 1))]);
    await settle();
    assert.deepEqual([world.of("a"), world.of("b")], [["10.0.0.1:5432 100"], ["10.0.0.1:1 100"]]);
    assert.equal(world.asked.length, 1);
    world.targets.forget("a");
    await world.pass(INTERVAL);
    assert.equal(world.asked.length, 2, "the other one wants it still");
    world.targets.forget("b");
    await world.pass(10 * INTERVAL);
    assert.equal(world.asked.length, 2, "nobody does");
  });

  it("keep what is known of their name when other things are wanted", async () => {
    const world = new World();
    world.zones.set("db.example", { ips: ["10.0.0.1"] });
    world.targets.set("db", [DB]);
    await settle();
    world.targets.set("db", [want(at("10.0.0.9")), want(name("db.example"), { weight: 5 })]);
    assert.deepEqual(world.of("db"), ["10.0.0.9:5432 100", "10.0.0.1:5432 5"]);
    assert.equal(world.asked.length, 1);
  });

  it("do not come of an answer that nobody waits for any more", async () => {
    const world = new World();
    world.zones.set("db.example", { ips: ["10.0.0.1"] });
    let open = (): void => undefined;
    world.gate = new Promise((resolve) => {
      open = resolve;
    });
    world.targets.set("db", [DB]);
    await settle();
    world.targets.set("db", []);
    const before = world.declarations;
    open();
    await world.pass(10 * INTERVAL);
    assert.deepEqual([world.declarations, world.asked.length], [before, 1]);
    world.targets.set("db", [DB]);
    world.targets.close();
    await world.pass(10 * INTERVAL);
    assert.deepEqual([world.of("db"), world.asked.length], [[], 0]);
  });

  it("take a few look-ups at a time, and each its turn", async () => {
    const world = new World(2);
    const hosts = Array.from({ length: 20 }, (_, each) => `db-${each}.example`);
    for (const host of hosts) world.zones.set(host, { ips: ["10.0.0.1"] });
    world.targets.set(
      "db",
      hosts.map((host) => want(name(host))),
    );
    await settle();
    assert.equal(world.mostUnderWay, 2);
    assert.deepEqual(
      world.asked.map((each) => each.name),
      hosts,
    );
  });
});

describe("targets of a service", () => {
  const SERVICE = want({ kind: "srv", name: "_pg._tcp.db.example" });

  function records(...each: [host: string, priority: number, weight: number, port?: number][]): ServiceRecord[] {
    return each.map(([host, priority, weight, port = 5432]) => ({ host, priority, weight, port }));
  }

  async function declared(list: readonly ServiceRecord[], wanted = SERVICE): Promise<string[]> {
    const world = new World();
    for (const host of ["a", "b", "c"]) world.zones.set(host, { ips: [`10.0.0.${host.charCodeAt(0) - 96}`] });
    world.records.set("_pg._tcp.db.example", list);
    world.targets.set("db", [wanted]);
    await settle();
    return world.of("db");
  }

  it("have the weights of their records, and those of higher priorities stand by", async () => {
    const list = records(["c", 20, 1], ["a", 10, 60], ["b", 10, 40, 5433]);
    assert.deepEqual(await declared(list), ["10.0.0.1:5432 60", "10.0.0.2:5433 40", "10.0.0.3:5432 1 backup"]);
  });

  it("have the least weight for 0, and the document's where all of a priority say 0", async () => {
    const list = records(["a", 1, 0], ["b", 1, 9], ["c", 2, 0]);
    assert.deepEqual(await declared(list), ["10.0.0.1:5432 1", "10.0.0.2:5432 9", "10.0.0.3:5432 100 backup"]);
  });

  it("all stand by where the document says so", async () => {
    assert.deepEqual(await declared(records(["a", 1, 5]), { ...SERVICE, backup: true }), ["10.0.0.1:5432 5 backup"]);
  });

  it("are none where the records say that there is no service", async () => {
    assert.deepEqual(await declared(records(["", 0, 0])), []);
  });

  it("are the addresses of each host, at each of its ports", async () => {
    const list = records(["a", 1, 5], ["a", 1, 6, 5433]);
    assert.deepEqual(await declared(list), ["10.0.0.1:5432 5", "10.0.0.1:5433 6"]);
  });

  it("are looked up again after a while, though their hosts' addresses hold for longer", async () => {
    const world = new World();
    world.zones.set("a", { ips: ["10.0.0.1"], holds: 7_200_000 });
    world.records.set("_pg._tcp.db.example", records(["a", 1, 5]));
    world.targets.set("db", [SERVICE]);
    await settle();
    world.records.set("_pg._tcp.db.example", records(["a", 1, 6]));
    await world.pass(INTERVAL);
    assert.deepEqual(world.of("db"), ["10.0.0.1:5432 6"]);
  });

  it("are there soon after their host can be looked up", async () => {
    const world = new World();
    world.records.set("_pg._tcp.db.example", records(["a", 1, 5]));
    world.targets.set("db", [SERVICE]);
    await settle();
    assert.match(world.warnings[0]!, /^pool db: cannot look up a: .* until it can$/);
    world.zones.set("a", { ips: ["10.0.0.1"] });
    await world.pass(RETRY);
    assert.deepEqual(world.of("db"), ["10.0.0.1:5432 5"]);
  });

  it("stay where their host cannot be looked up, and follow the others", async () => {
    const world = new World();
    world.zones.set("a", { ips: ["10.0.0.1"], holds: 10_000 });
    world.zones.set("b", { ips: ["10.0.0.2"], holds: 20_000 });
    world.records.set("_pg._tcp.db.example", records(["a", 1, 5], ["b", 1, 5]));
    world.targets.set("db", [SERVICE]);
    await settle();
    world.zones.set("a", { ips: null });
    world.zones.set("b", { ips: ["10.0.0.3"] });
    await world.pass(10_000);
    assert.deepEqual(world.of("db"), ["10.0.0.1:5432 5", "10.0.0.3:5432 5"]);
    assert.match(world.warnings.join(), /^pool db: cannot look up a: [^,]*$/);
    world.records.delete("_pg._tcp.db.example");
    await world.pass(INTERVAL);
    assert.deepEqual(world.of("db"), ["10.0.0.1:5432 5", "10.0.0.3:5432 5"]);
  });
});

type Step =
  | { do: "set"; pool: string; hosts: string[] }
  | { do: "forget"; pool: string }
  | { do: "zone"; host: string; ips: string[] | null; holds: number | null }
  | { do: "pass"; ms: number };

const pool = fc.constantFrom("p", "q");
const hosts = ["a", "b", "c"];
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ do: fc.constant("set" as const), pool, hosts: fc.subarray(hosts) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("forget" as const), pool }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("zone" as const),
      host: fc.constantFrom(...hosts),
      ips: fc.option(fc.subarray(["10.0.0.1", "10.0.0.2", "10.0.0.3"], { minLength: 1 }), { nil: null }),
      holds: fc.constantFrom(null, 0, 3_000, 10_000),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("pass" as const), ms: fc.constantFrom(100, 3_000, 31_000) }) },
);

describe("whatever becomes of names", () => {
  it("each pool has what its names gave last, and a moment later what they give", async () => {
    const course = async (steps: readonly Step[]) => {
      const world = new World(1);
      const wanted = new Map<string, readonly string[]>();
      /** By name, how much of `asked` is from before it was wanted. */
      const since = new Map<string, number>();
      const check = (): void => {
        for (const [name, list] of wanted) {
          const expected = list.flatMap((host) => {
            const given = world.asked.slice(since.get(host)).filter((each) => each.name === host && each.ips !== null);
            return [...(given.at(-1)?.ips ?? [])].map((ip) => `${ip}:5432 100`);
          });
          assert.deepEqual(world.of(name), expected);
        }
      };
      for (const each of steps) {
        if (each.do === "pass") await world.pass(each.ms);
        else if (each.do === "zone") world.zones.set(each.host, each);
        else {
          const list = each.do === "set" ? each.hosts : [];
          if (each.do === "set")
            world.targets.set(
              each.pool,
              list.map((host) => want(name(host))),
            );
          else world.targets.forget(each.pool);
          if (each.do === "set") wanted.set(each.pool, list);
          else wanted.delete(each.pool);
          const now = new Set([...wanted.values()].flat());
          for (const host of since.keys()) if (!now.has(host)) since.delete(host);
          for (const host of now) since.set(host, since.get(host) ?? world.asked.length);
        }
        await settle(20);
        check();
      }
      await world.pass(INTERVAL);
      await world.pass(RETRY);
      for (const [name, list] of wanted) {
        for (const host of list) {
          const ips = world.zones.get(host)?.ips ?? [];
          for (const ip of ips) assert.ok(world.of(name).includes(`${ip}:5432 100`), `${name} has no ${ip} of ${host}`);
        }
      }
      check();
      world.targets.close();
    };
    await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), course), { numRuns: amount(60) });
  });
});
