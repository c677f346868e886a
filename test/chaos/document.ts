/** The file that a balancer is started with, and those that it goes over to: its pool changes, and others come and go beside it. */
import { ALGORITHM_NAMES } from "../../src/pool/pool.ts";
import type { Random } from "../support/kernel/random.ts";
import { LOOPBACK } from "../support/ports.ts";

/** What may change of the pool that clients come to: all that decides neither how many are served nor what they are answered. */
interface Policy {
  readonly algorithm: string;
  readonly persistent: string;
}

/** Nobody is there: pools that come and go have a target that refuses. */
const NOWHERE = `${LOOPBACK}:9`;
/** Not so many that the hash's first table holds up a balancer of one thread for longer than leases may last here. */
const MORE_TARGETS = [100, 300, 1_000];
const BINDINGS = [100, 10_000];

/** With nothing but its pool. */
export function plainDocument({ algorithm, persistent }: Policy): string {
  return `[pool.default]\nalgorithm = "${algorithm}"\npersistent = "${persistent}"\n`;
}

export function drawPolicy(random: Random): Policy {
  return { algorithm: random.pick(ALGORITHM_NAMES), persistent: random.pick(["off", "1s", "1m"]) };
}

/** `ports`: where pools and listeners may come, which move from one to another. */
export function drawDocument(random: Random, ports: readonly number[]): string {
  const own = `${plainDocument(drawPolicy(random))}max-targets = ${random.pick(MORE_TARGETS)}\nmax-bindings = ${random.pick(BINDINGS)}\n`;
  return own + ports.map((port) => serviceAt(random, port)).join("");
}

function serviceAt(random: Random, port: number): string {
  const listen = `listen = ["${LOOPBACK}:${port}"]\n`;
  const name = `at-${port}`;
  switch (random.below(4)) {
    case 0:
      return "";
    case 1:
      return `[listener.${name}]\n${listen}routes = [{ pool = "default" }]\n`;
    default:
      return `[pool.${name}]\n${listen}targets = ["${NOWHERE}"]\nqueue = ${random.pick([0, 1_000])}\n`;
  }
}
