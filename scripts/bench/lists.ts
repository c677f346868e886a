/**
 * `make bench-lists`: what it costs to ask whether a client may come, by the number of entries in a list of addresses, and what its limits
 * cost. Exits with 1 when a list of 100,000 entries costs more than 3 times one of ten.
 *
 * Half of the clients are in the list. The fastest of many rounds counts: a look-up takes less time than whatever else the machine does.
 */
import { AddressRanges } from "../../src/edge/access/address-ranges.ts";
import { AddressSet } from "../../src/edge/access/address-set.ts";
import { ClientLimits, MAIN_THREAD } from "../../src/edge/access/client-limits.ts";
import { addressWords } from "../../src/util/client-key.ts";

const SIZES = [10, 100, 1000, 10_000, 100_000] as const;
const ROUNDS = 40;
const CLIENTS = 32_768;
const MOST = 3;

/** The same numbers in each run (Numerical Recipes' generator). */
let state = 1;
function random(below: number): number {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return Math.floor((state / 2 ** 32) * below);
}

const byte = () => random(256);
const group = () => random(65_536).toString(16);

/** How an entry is made, and an address within it. */
const KINDS: Readonly<Record<string, (n: number) => readonly [cidr: string, host: string]>> = {
  "IPv4 addresses, anywhere": () => same(`${byte()}.${byte()}.${byte()}.${byte()}`),
  "IPv4 /24s, anywhere": () => within(`${byte()}.${byte()}.${byte()}`, ".0/24", `.${byte()}`),
  "IPv4 addresses, side by side": (n) => same(`10.${(2 * n) >> 16}.${((2 * n) >> 8) & 255}.${(2 * n) & 255}`),
  "IPv6 /48s of providers": () =>
    within(`2a0${random(16).toString(16)}:${group()}:${group()}`, "::/48", `:${group()}::1`),
  "IPv6 /64s of one network": () => within(`2001:db8:${group()}:${group()}`, "::/64", `::${group()}`),
};

function same(host: string): readonly [string, string] {
  return [host, host];
}

function within(network: string, bits: string, host: string): readonly [string, string] {
  return [network + bits, network + host];
}

interface Subject {
  readonly set: AddressSet;
  /** Four words each. */
  readonly clients: Uint32Array;
  readonly ns: number[];
}

function subject(make: (n: number) => readonly [string, string], size: number): Subject {
  const ranges = new AddressRanges();
  const hosts: string[] = [];
  for (let n = 0; n < size; n++) {
    const [cidr, host] = make(n);
    ranges.add(cidr);
    hosts.push(host);
  }
  const clients = new Uint32Array(4 * CLIENTS);
  for (let i = 0; i < CLIENTS; i++) {
    const host = i % 2 === 0 ? hosts[random(size)]! : make(random(2 * size))[1];
    addressWords(host, clients.subarray(4 * i, 4 * i + 4));
  }
  return { set: new AddressSet(AddressSet.of(ranges)), clients, ns: [] };
}

/** What was found, so that nothing is left out as unused. */
let found = 0;

function measure({ clients, ns, set }: Subject): void {
  const start = performance.now();
  for (let at = 0; at < clients.length; at += 4) if (set.has(clients, at)) found++;
  ns.push(((performance.now() - start) * 1e6) / CLIENTS);
}

/** ns for a connection that comes and goes, of so many clients. */
function limitsCost(clients: number): number {
  const data = ClientLimits.create({ connections: 10, rate: 1_000_000, burst: 1_000_000, v4Bits: 32, v6Bits: 64 });
  const limits = new ClientLimits(data, MAIN_THREAD);
  const words = Uint32Array.of(0, 0, 0xffff, 0);
  const rounds: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now();
    for (let i = 0; i < CLIENTS; i++) {
      words[3] = 0x0a00_0000 + (Math.imul(i, 40_503) % clients);
      limits.leave(limits.enter(words, 0, start + i));
    }
    rounds.push(((performance.now() - start) * 1e6) / CLIENTS);
  }
  return Math.min(...rounds);
}

let failed = false;
console.log(`ns per look-up, the fastest of ${ROUNDS} rounds of ${CLIENTS}`);
console.log(`${"".padEnd(30)}${SIZES.map((size) => String(size).padStart(8)).join("")}   100000:10`);
for (const [name, make] of Object.entries(KINDS)) {
  const subjects = SIZES.map((size) => subject(make, size));
  for (const each of subjects) for (let round = 0; round < ROUNDS; round++) measure(each);
  const best = subjects.map(({ ns }) => Math.min(...ns));
  const ratio = best[best.length - 1]! / best[0]!;
  failed ||= ratio > MOST;
  const cells = best.map((ns) => ns.toFixed(0).padStart(8)).join("");
  console.log(`${name.padEnd(30)}${cells}${ratio.toFixed(2).padStart(12)}${ratio > MOST ? `  more than ${MOST}` : ""}`);
}
console.log(
  `\nns for a connection that comes and goes, with limits: ${[10, 30_000].map((clients) => `${limitsCost(clients).toFixed(0)} (${clients} clients)`).join(", ")}`,
);
process.exitCode = failed || found === 0 ? 1 : 0;
