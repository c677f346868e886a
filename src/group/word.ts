/** What a balancer says of itself, about once a second, in its field among the members. Later versions may say more; what is unknown is left out. */
import * as z from "zod/mini";
import { moment, text, whole } from "../control/protocol/schema.ts";

/** Whatever a reader of this version would misunderstand makes another one of it. */
const VERSION = 1;
/** Nobody is waited for longer than that who says nothing. */
const MAX_TTL_MS = 30_000;
const MAX = Number.MAX_SAFE_INTEGER;
/**
 * Of targets that drain and have connections still, in JSON: some hundreds of them, and of more each counts as one. A word with all of them
 * could be longer than a store takes, and the balancer would be silent as long as they drain.
 */
export const DRAINING_BYTES = 32 * 1024;

const count = whole(0, MAX);

const Word = z.object({
  v: z.literal(VERSION),
  name: text(200),
  version: text(100),
  /** The same for all balancers of one host, where loopback means the same to them. */
  host: text(100),
  startedAt: moment,
  /** ms since 1970, by its own clock. */
  at: moment,
  /** ms that it may be silent, from one word to the next, and is there. */
  ttl: whole(1, MAX_TTL_MS),
  /** It stops: its reporters go to others. */
  leaving: z.boolean(),
  /** How often it has written its targets. */
  seq: count,
  targets: count,
  reporters: count,
  active: count,
  waiting: count,
  /** Of others, by their ids: as of which `seq` it has their targets in force. */
  knows: z.record(z.string().check(z.maxLength(100)), count),
  /** Connections that it has to targets that drain, by name, as far as others vouch for those and it has any. */
  draining: z.record(z.string().check(z.maxLength(700)), count),
  /** There are more of them. */
  drainingMore: z.boolean(),
});

export type Word = z.infer<typeof Word>;

export function writeWord(word: Omit<Word, "v">): string {
  return JSON.stringify({ v: VERSION, ...word });
}

/** null: it is none, or one of a version that this one does not understand. */
export function readWord(given: string): Word | null {
  return Word.safeParse(jsonOf(given)).data ?? null;
}

/** Undefined where it is no JSON. */
export function jsonOf(given: string): unknown {
  try {
    return JSON.parse(given);
  } catch {
    return undefined;
  }
}
