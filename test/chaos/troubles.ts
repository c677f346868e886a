/** What goes wrong during a round, and what it is done to. */
import { setTimeout as delay } from "node:timers/promises";
import type { Random } from "../support/kernel/random.ts";
import type { Balancer } from "./balancer.ts";
import { drawDocument, drawPolicy, plainDocument } from "./document.ts";
import type { Target } from "./target.ts";

export interface Trouble {
  /** ms from the beginning of the round. */
  readonly at: number;
  readonly what: keyof typeof OF_TARGET | keyof typeof OF_BALANCER;
  /** Whom it meets, of the targets. */
  readonly target: number;
  /** How long it lasts. */
  readonly ms: number;
  /** Descriptors that are left, where they are short. */
  readonly room: number;
  /** The documents that it goes over to, where it reloads; the last one has nothing but its pool. */
  readonly documents: readonly string[];
}

const REPORTER_STOP_MS = 5_000;
const DOCUMENTS = 8;

type ToTarget = (target: Target, trouble: Trouble) => Promise<void>;
type ToBalancer = (balancer: Balancer, trouble: Trouble) => Promise<void>;

/** Each leaves the target as it was. */
const OF_TARGET = {
  crash: async (target, { ms }) => {
    target.crash();
    await delay(ms);
    await target.heal();
  },
  refuse: async (target, { ms }) => {
    target.refuse();
    await delay(ms);
    await target.heal();
  },
  "black hole": async (target, { ms }) => {
    await target.fallSilent();
    await delay(ms);
    await target.heal();
  },
  "reporter stops": async (target, { ms }) => {
    target.reporter?.signal("SIGTERM");
    await target.reporterGone(REPORTER_STOP_MS);
    await delay(ms / 4);
    target.report();
  },
  "reporter is killed": async (target, { ms }) => {
    await target.reporter?.kill();
    await delay(ms);
    target.report();
  },
  "reporter is suspended": async (target, { ms }) => {
    target.reporter?.signal("SIGSTOP");
    await delay(ms);
    target.reporter?.signal("SIGCONT");
  },
  "all dies": async (target, { ms }) => {
    target.crash();
    await target.reporter?.kill();
    await delay(ms);
    await target.heal();
    target.report();
  },
} satisfies Record<string, ToTarget>;

const OF_BALANCER = {
  "balancer is suspended": async (balancer, { ms }) => {
    balancer.process.signal("SIGSTOP");
    await delay(ms / 2);
    balancer.process.signal("SIGCONT");
  },
  "descriptors are short": async (balancer, { ms, room }) => {
    if (!balancer.limitDescriptors(room)) return;
    await delay(ms);
    balancer.limitDescriptors(null);
  },
  "balancer reloads": async (balancer, { documents, ms }) => {
    for (const document of documents) {
      balancer.write(document);
      await balancer.reload();
      await delay(ms / documents.length);
    }
  },
} satisfies Record<string, ToBalancer>;

const KINDS = [...Object.keys(OF_TARGET), ...Object.keys(OF_BALANCER)] as Trouble["what"][];

/** `ports`: where services beside the balancer's pool may come. */
export function drawTroubles(random: Random, length: number, targets: number, ports: readonly number[]): Trouble[] {
  return Array.from({ length: random.between(0, 5) }, () => ({
    at: random.below(length),
    what: random.chance(0.25) ? "balancer reloads" : random.pick(KINDS),
    documents: drawDocuments(random, ports),
    target: random.below(targets),
    ms: random.between(20, random.pick([300, 2_500])),
    room: random.below(60),
  }));
}

/** Resolves when it is over. */
export function happen(trouble: Trouble, balancer: Balancer, targets: readonly Target[]): Promise<void> {
  const { what } = trouble;
  if (what in OF_BALANCER) {
    return balancer.inTurn(() => OF_BALANCER[what as keyof typeof OF_BALANCER](balancer, trouble));
  }
  const target = targets[trouble.target]!;
  return target.inTurn(() => OF_TARGET[what as keyof typeof OF_TARGET](target, trouble));
}

function drawDocuments(random: Random, ports: readonly number[]): string[] {
  const documents = Array.from({ length: random.between(1, DOCUMENTS) }, () => drawDocument(random, ports));
  return [...documents, plainDocument(drawPolicy(random))];
}
