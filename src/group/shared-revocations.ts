/** A key that is revoked at one balancer is refused at all, for good: there is nothing to take back, as a new key has another fingerprint. */
import * as z from "zod/mini";
import { isFingerprint, MAX_WHO, MOST_REVOKED, oneWord, type Revocation } from "../control/protocol/revocation.ts";
import { moment, NAME, text } from "../control/protocol/schema.ts";
import { SharedStamps } from "./shared-stamps.ts";
import { jsonOf } from "./word.ts";

const Revoked = z.object({ key: z.string().check(z.regex(NAME)), by: text(MAX_WHO), at: moment });

/** The balancer's own. */
export interface RevocationBook {
  readonly all: ReadonlyMap<string, Revocation>;
  /** Another balancer's operator has revoked that. */
  heed(revocation: Revocation): void;
}

export class SharedRevocations extends SharedStamps {
  readonly #book: RevocationBook;

  constructor(book: RevocationBook) {
    super({
      kind: "revoked",
      section: "revoked",
      most: 2 * MOST_REVOKED,
      // Nobody knows when the last balancer has taken the key out of its file: they go by their number alone, the oldest first.
      isSpent: () => true,
      spentMs: Number.POSITIVE_INFINITY,
      mostSpent: MOST_REVOKED,
      heed: (fingerprint, text) => heed(book, fingerprint, text),
    });
    this.#book = book;
  }

  begin(): void {
    for (const revocation of this.#book.all.values()) this.#keeps(revocation);
  }

  /** An operator of this balancer has revoked it. */
  revoked(revocation: Revocation): void {
    this.#keeps(revocation);
    this.onDue();
  }

  #keeps({ fingerprint, name: key, by, at }: Revocation): void {
    this.keeps(fingerprint, JSON.stringify({ key, by, at }), at);
  }
}

/** False: it is of a later version. */
function heed(book: RevocationBook, fingerprint: string, text: string): boolean {
  const { data } = Revoked.safeParse(jsonOf(text));
  if (data === undefined || !isFingerprint(fingerprint)) return false;
  book.heed({ fingerprint, name: data.key, at: data.at, by: oneWord(data.by) });
  return true;
}
