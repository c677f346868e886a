/** What a client and the target that it reaches will do with their connection: decided by the seed before it begins. */
import type { Random } from "../support/kernel/random.ts";

/**
 * How an end finishes: `fin` sends a FIN once all is written; `follow` does so when the other side's FIN has come; `reset`
 * sends a reset; `close` closes the descriptor, whatever is still under way.
 */
export type Ending = "fin" | "follow" | "reset" | "close";

/** One end's part. All times are in ms. */
export interface Script {
  readonly writes: readonly { readonly after: number; readonly bytes: number }[];
  /** Stops reading for a while once so many bytes have come. */
  readonly stalls: readonly { readonly at: number; readonly ms: number }[];
  readonly end: { readonly after: number; readonly how: Ending };
}

export interface ConversationPlan {
  readonly kind: string;
  /** From the beginning of the round. */
  readonly at: number;
  /** Where the client connects from. */
  readonly address: string;
  /** It never says who it is: nothing but its record can be checked. */
  readonly silent: boolean;
  readonly client: Script;
  readonly target: Script;
}

type Parts = Pick<ConversationPlan, "client" | "target"> & { readonly silent?: boolean };

const SMALL = 2_000;
/** Enough for a direction to be spliced, and for both sockets' buffers to be full when its reader stalls. */
const LARGE = 3_000_000;
const CLIENT_ADDRESSES = 200;

const script = (writes: Script["writes"], how: Ending, after = 0, stalls: Script["stalls"] = []): Script => ({
  writes,
  stalls,
  end: { after, how },
});
const once = (bytes: number, after = 0): Script["writes"] => [{ after, bytes }];

/** Bytes: most are few, some are many. */
function size(random: Random): number {
  return random.between(1, random.pick([100, SMALL, SMALL, 60_000, 400_000, LARGE]));
}

function pieces(random: Random, most: number, pause: number): Script["writes"] {
  return Array.from({ length: random.between(1, most) }, () => ({ after: random.below(pause), bytes: size(random) }));
}

function stalls(random: Random, within: number): Script["stalls"] {
  return Array.from({ length: random.between(1, 2) }, () => ({
    at: random.below(within),
    ms: random.between(50, random.pick([300, 2_500])),
  })).sort((a, b) => a.at - b.at);
}

const KINDS: Readonly<Record<string, readonly [weight: number, make: (random: Random) => Parts]>> = {
  request: [
    30,
    (random) => ({
      client: script(once(random.between(1, SMALL)), "follow"),
      target: script(once(size(random), random.below(20)), "fin"),
    }),
  ],
  exchange: [
    15,
    (random) => ({
      client: script(pieces(random, 4, 50), "fin"),
      target: script(pieces(random, 4, 50), "fin"),
    }),
  ],
  chat: [
    10,
    (random) => ({
      client: script(pieces(random, 8, 250), random.pick(["fin", "follow"])),
      target: script(pieces(random, 8, 250), "fin"),
    }),
  ],
  "slow client": [
    6,
    (random) => ({
      client: script(once(random.between(1, SMALL)), "follow", 0, stalls(random, LARGE / 2)),
      target: script(once(random.between(LARGE / 4, LARGE)), "fin"),
    }),
  ],
  "slow target": [
    6,
    (random) => ({
      client: script(once(random.between(LARGE / 4, LARGE)), "fin"),
      target: script(once(random.between(1, SMALL)), "follow", 0, stalls(random, LARGE / 2)),
    }),
  ],
  "half closed": [
    6,
    (random) => ({
      client: script(once(random.between(1, 50)), "fin"),
      target: script(pieces(random, 3, 300), "fin", random.below(100)),
    }),
  ],
  "answered first": [
    4,
    (random) => ({
      client: script(pieces(random, 5, 150), "fin", random.below(300)),
      target: script(once(random.between(1, SMALL)), "fin"),
    }),
  ],
  quiet: [
    6,
    (random) => ({
      client: script(once(1), "fin", random.between(200, 2_500)),
      target: script([], "follow"),
    }),
  ],
  silent: [
    6,
    (random) => ({
      silent: true,
      client: script([], random.pick(["fin", "reset", "close"]), random.pick([0, 5, 500, 2_000])),
      target: script([], "follow"),
    }),
  ],
};
const KIND_WEIGHT = Object.values(KINDS).reduce((sum, [weight]) => sum + weight, 0);

export function planConversation(random: Random, at: number): ConversationPlan {
  let ticket = random.below(KIND_WEIGHT);
  const [kind, [, make]] = Object.entries(KINDS).find(([, [weight]]) => {
    ticket -= weight;
    return ticket < 0;
  })!;
  const { silent = false, client, target } = make(random);
  const disturbed = random.below(100);
  return {
    kind,
    at,
    silent,
    address: clientAddress(random.below(CLIENT_ADDRESSES)),
    client: disturbed < 12 ? cutShort(random, client) : client,
    target: disturbed >= 90 ? cutShort(random, target) : target,
  };
}

/** One of many that come at the same moment, and want little. */
export function planOfStorm(random: Random, at: number): ConversationPlan {
  return {
    kind: "storm",
    at: at + random.below(60),
    silent: false,
    address: clientAddress(random.below(CLIENT_ADDRESSES)),
    client: script(once(random.between(1, 50)), random.pick(["follow", "follow", "fin", "reset", "close"])),
    target: script(once(random.between(1, 500)), random.pick(["fin", "fin", "fin", "reset", "close"])),
  };
}

/** Held open by both ends until it is told to end: to see how many are served at once. */
export function planOfRollCall(index: number): ConversationPlan {
  return {
    kind: "roll call",
    at: 0,
    silent: false,
    address: `127.2.${index >> 8}.${(index & 0xff) + 1}`,
    client: script(once(10), "fin", Number.POSITIVE_INFINITY),
    target: script(once(10), "follow"),
  };
}

/** It leaves before it has said or heard everything. */
function cutShort(random: Random, { writes, stalls: own }: Script): Script {
  const kept = writes.slice(0, random.between(0, writes.length));
  return script(kept, random.pick(["reset", "reset", "close"]), random.pick([0, 0, 20, 400]), own);
}

/** Whether a client with this address is one of these: other programs on the machine may try a port that was theirs before. */
export function isOfChaos(host: string): boolean {
  return /^127\.[12]\./.test(host);
}

function clientAddress(index: number): string {
  return `127.1.0.${index + 1}`;
}
