/**
 * Who tells of the sticky bindings of a balancer that is gone. All that are left have taken them in, and what it had written itself leaves the store a
 * lease later: so each client's falls to one of them, its heir, which everybody finds alike by their ids (rendezvous hashing).
 */
import { hashText, mix, publicHash } from "../pool/sip-hash.ts";
import type { Member } from "./members.ts";

/** Tells whether this balancer is the client's heir. */
export type IsHeir = (client: ArrayLike<number>) => boolean;

export class Heirs {
  readonly #self: number;
  readonly #settledMs: number;
  /** Since when each of the others has been heard, by id. */
  readonly #since = new Map<string, number>();

  /** `settledMs`: who has been heard for less may not know of them yet, and inherits nothing. */
  constructor(id: string, settledMs: number) {
    this.#self = hashText(id, 0);
    this.#settledMs = settledMs;
  }

  /** Whether one that was heard is not any more. Who leaves is heard as long as it has clients. */
  look(members: ReadonlyMap<string, Member>, now: number): boolean {
    let isLost = false;
    for (const id of this.#since.keys()) {
      if (members.get(id)?.isSilent(now) === false) continue;
      this.#since.delete(id);
      isLost = true;
    }
    for (const member of members.values()) {
      if (!member.isSilent(now) && !this.#since.has(member.id)) this.#since.set(member.id, now);
    }
    return isLost;
  }

  /** As of now. */
  test(members: ReadonlyMap<string, Member>, now: number): IsHeir {
    const others: number[] = [];
    for (const [id, since] of this.#since) {
      if (members.get(id)?.isGone === false && now - since >= this.#settledMs) others.push(hashText(id, 0));
    }
    return (client) => {
      const key = publicHash(client, 0);
      const own = mix(key, this.#self);
      return others.every((other) => mix(key, other) <= own);
    };
  }
}
