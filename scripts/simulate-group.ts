/**
 * `make simulate-group`: a group of many balancers with their real registries, pools and group code in one process, over a store in memory
 * and by a clock that is moved, so that minutes take seconds. The wire is not simulated: reporters call a registry, clients are a pick and a
 * release in a pool. BALANCERS=10 REPORTERS=10000 CLIENTS=1000000 ROUNDS=5 (of each failure), SEED=… draws as a run did; STORE=redis
 * is a redis-server of its own in real time, for smaller numbers. BALANCE=hash shows whether clients keep their targets; its tables take
 * minutes with so many targets, so that it wants fewer. Exits with 1 where balancers do not agree in the end, or one takes
 * out a target that lives.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { ALGORITHM_NAMES } from "../src/pool/pool.ts";
import type { Asked } from "../test/support/counted-store.ts";
import { atRedis, inMemory } from "./simulate-group/place.ts";
import { LEASE_MS, Simulation } from "./simulate-group/simulation.ts";

const { BALANCERS, REPORTERS, CLIENTS, ROUNDS, SEED, BALANCE = "leastconn", STORE = "memory" } = process.env;
if (STORE !== "memory" && STORE !== "redis") {
  console.error(`No store is called ${STORE}: choose memory or redis.`);
  process.exit(2);
}
const algorithm = ALGORITHM_NAMES.find((name) => name === BALANCE);
if (algorithm === undefined) {
  console.error(`No algorithm is called ${BALANCE}: choose from ${ALGORITHM_NAMES.join(", ")}.`);
  process.exit(2);
}
const isReal = STORE === "redis";
const size = {
  balancers: Number(BALANCERS || (isReal ? 3 : 10)),
  reporters: Number(REPORTERS || (isReal ? 1_000 : 10_000)),
  clients: Number(CLIENTS || (isReal ? 100_000 : 1_000_000)),
  algorithm,
};
const rounds = Number(ROUNDS || (isReal ? 1 : 5));
const seed = SEED ? Number(SEED) : Math.floor(Math.random() * 2 ** 31);
/** ms that balancers may take until they agree. */
const PATIENCE_MS = 60_000;
const REST_MS = isReal ? 20_000 : 60_000;
setFlagsFromString("--expose_gc");
const collect = runInNewContext("gc") as () => void;

const place = isReal ? await atRedis() : inMemory();
const sim = new Simulation(size, seed, place);
const { random } = sim;
console.log(`${size.balancers} balancers, ${size.reporters} reporters, ${place.name} (SEED=${seed})`);

/** How long members are listed wrongly, and what targets said until the failure is not known to all: ms, by kind of failure. */
const found = new Map<string, { listed: number[]; known: number[] }>();

async function agree(kind: string, since: number, from = since): Promise<void> {
  let listed = Number.NaN;
  let known = Number.NaN;
  while (Number.isNaN(listed) || Number.isNaN(known)) {
    await sim.step();
    const ms = sim.now - since;
    if (Number.isNaN(listed) && sim.areListed) listed = ms;
    if (Number.isNaN(known) && sim.isKnown(from, since)) known = ms;
    if (ms > PATIENCE_MS) throw new Error(`balancers do not agree ${ms} ms after "${kind}" (SEED=${seed})`);
  }
  const all = found.get(kind) ?? { listed: [], known: [] };
  all.listed.push(listed);
  all.known.push(known);
  found.set(kind, all);
}

function burst(): void {
  for (let n = Math.ceil(size.reporters / 500); n > 0; n--) sim.change(false);
}

const failures: Record<string, () => Promise<void>> = {
  async "one is killed, and another one started"() {
    burst();
    const since = sim.now;
    sim.kill(random.pick(sim.members));
    await agree("a balancer is killed", since);
    const startedAt = sim.now;
    await sim.start();
    await agree("a balancer is started", startedAt);
    sim.move(Math.ceil(size.reporters / size.balancers), sim.members.at(-1));
  },
  async "reporters move without a word"() {
    sim.move(20);
    await agree("reporters leave one that is there unsaid", sim.now);
  },
  async "the store is restarted empty"() {
    burst();
    const since = sim.now;
    await place.clear();
    await agree("the store is restarted empty", since);
  },
};
if (place.cut !== null) {
  const { cut } = place;
  failures["one is cut from the store"] = async () => {
    const member = random.pick(sim.members);
    sim.cut = member;
    cut(member.store.inner, true);
    const cutAt = sim.now;
    burst();
    await sim.pass(random.between(2_000, LEASE_MS - 5_000));
    cut(member.store.inner, false);
    sim.cut = null;
    await agree("one was cut from the store, and is back", sim.now, cutAt);
  };
}
if (place.hints !== null) {
  const { hints } = place;
  failures["hints are lost"] = async () => {
    hints(true);
    burst();
    await agree("all hints are lost", sim.now);
    hints(false);
  };
}

interface Spent {
  readonly seconds: number;
  readonly cpuMs: number;
  readonly asked: Asked;
}

/** A balancer's share of what is spent meanwhile. Those that are killed take what they have asked with them. */
async function spending(run: () => Promise<void>): Promise<Spent> {
  const before = sim.asked;
  const cpu = process.cpuUsage();
  const begun = sim.now;
  await run();
  const { user, system } = process.cpuUsage(cpu);
  const seconds = (sim.now - begun) / 1_000;
  const each = (total: number) => total / seconds / size.balancers;
  const asked = { ...sim.asked };
  for (const name of Object.keys(asked) as (keyof Asked)[]) asked[name] = each(asked[name] - before[name]);
  return { seconds, cpuMs: each((user + system) / 1_000), asked };
}

function tell(when: string, { seconds, cpuMs, asked: { calls, written, read, hints, bytes } }: Spent): void {
  const share = `${cpuMs.toFixed(1)} ms of CPU (${(cpuMs / 10).toFixed(2)} % of a core)`;
  const store = `${calls.toFixed(1)} calls, ${written.toFixed(1)} names written, ${read.toFixed(1)} read, ${hints.toFixed(1)} hints, ${(bytes / 1_000).toFixed(1)} kB`;
  console.log(`${when} (${seconds.toFixed(0)} s), a balancer takes each second ${share}; of the store ${store}`);
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

function memoryInUse(): number {
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return (heapUsed + external) / 2 ** 20;
}

const memoryBefore = memoryInUse();
const rssBefore = process.memoryUsage.rss() / 2 ** 20;
while (sim.members.length < size.balancers) await sim.start();
for (const reporter of sim.reporters) sim.connect(reporter);
await agree("the group begins", sim.now);
await sim.pass(isReal ? 5_000 : 30_000);
const memory = (memoryInUse() - memoryBefore) / size.balancers;
const rss = (process.memoryUsage.rss() / 2 ** 20 - rssBefore) / size.balancers;
console.log(
  `memory: ${memory.toFixed(1)} MB a balancer on the heap and beside it, ${rss.toFixed(1)} MB of the process`,
);

tell("at rest", await spending(() => sim.pass(REST_MS)));
sim.changes = 5;
sim.lags = [];
tell("with 5 changes a second", await spending(() => sim.pass(REST_MS)));
console.log(`a change is known to all after ${median(sim.lags)} ms, at most ${Math.max(...sim.lags)} ms`);
sim.isServing = true;
const order = Array.from({ length: rounds }, () => Object.values(failures)).flat();
random.shuffle(order);
tell(
  "with failures and clients",
  await spending(async () => {
    for (const fail of order) {
      await fail();
      await sim.pass(random.between(1_000, 5_000));
    }
  }),
);
sim.changes = 0;
await sim.pass(isReal ? 10_000 : LEASE_MS + 10_000);

console.log(`\n${"ms until all agree: median, max".padEnd(44)}${"members".padStart(16)}${"targets".padStart(16)}`);
for (const [kind, { listed, known }] of found) {
  const cell = (values: number[]) =>
    `${median(values)}, ${Math.max(...values)}`.replace(/(\.\d)\d*/g, "$1").padStart(16);
  console.log(`${kind.padEnd(44)}${cell(listed)}${cell(known)}`);
}
const { came, twice, moved, split, none } = sim.seen;
const percent = (n: number, of: number) => `${((n / of) * 100).toFixed(4)} %`;
console.log(`\n${came} picks of ${size.clients} clients: ${none} found no target`);
if (algorithm === "hash") {
  console.log(`${percent(moved, came)} had another target than before, though that one was there;`);
  console.log(`${percent(split, twice)} would have had another one at another balancer at the same time`);
}
const differences = sim.differences();
console.log(`live targets taken out: ${sim.wronged.length}; differences in the end: ${differences.length}`);
for (const each of [...sim.wronged, ...differences].slice(0, 10)) console.log(`  ${each}`);
sim.close();
await place.close();
process.exitCode = sim.wronged.length + differences.length > 0 ? 1 : 0;
