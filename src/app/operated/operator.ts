/** What the API shows, and what it does, for a program that runs a balancer: it needs no token, and no HTTP. */
import type { Page } from "../../admin/api/schemas/common.ts";
import type { Connection, ConnectionFilter, ConnectionSort } from "../../admin/api/schemas/connections.ts";
import type { Group, GroupTargets } from "../../admin/api/schemas/group.ts";
import type { Event } from "../../admin/api/schemas/people.ts";
import type { History } from "../../admin/api/schemas/pools.ts";
import type { Status } from "../../admin/api/schemas/status.ts";
import type { Target } from "../../admin/api/schemas/targets.ts";
import type { Asker, GroupTargetFilter, Operated, OrderWord } from "../../admin/face.ts";
import { HarmonyError } from "../../util/errors.ts";

/** In whose name a program's orders show. */
const PROGRAM: Asker = { name: "program", right: "act", pool: null };
const USUAL_PAGE = 100;

export interface ConnectionListing {
  /** Default `age`. */
  readonly sort?: ConnectionSort;
  /** Default false: the oldest, the largest first. */
  readonly ascending?: boolean;
  /** Default 0. All that come before the page are held while it is looked for. */
  readonly offset?: number;
  /** Default 100. */
  readonly limit?: number;
}

export class Operator {
  readonly #running: () => Operated | null;

  constructor(running: () => Operated | null) {
    this.#running = running;
  }

  /** The balancer as a whole. */
  async status(): Promise<Status> {
    return this.#operated.status();
  }

  /** With everything that is said of each. Rejects with `NO_POOL`. */
  async targets(pool?: string): Promise<readonly Target[]> {
    return this.#operated.targets(pool);
  }

  /** Those that are open. However many there are, nobody waits for it: they are looked through in slices. */
  async connections(filter: ConnectionFilter = {}, listing: ConnectionListing = {}): Promise<Page<Connection>> {
    const { sort = "age", ascending = false, offset = 0, limit = USUAL_PAGE } = listing;
    return this.#operated.connections(filter, sort, ascending, { offset, limit });
  }

  /** The balancers that are one service with this one; null: it is in no group. */
  group(): Group | null {
    return this.#operated.group();
  }

  /** Targets, each once, with its connections at each balancer of the group, which is asked; null: it is in none. Rejects with `NO_POOL`. */
  async groupTargets(
    filter: GroupTargetFilter = {},
    { offset = 0, limit = USUAL_PAGE }: Pick<ConnectionListing, "offset" | "limit"> = {},
  ): Promise<GroupTargets | null> {
    return this.#operated.groupTargets(filter, { offset, limit });
  }

  /** The last thousand, the oldest first; `after`: those with a greater id. */
  events(after = 0): readonly Event[] {
    return this.#operated.events(after);
  }

  /** A pool's last hour. Throws `NO_POOL`. */
  history(pool: string): History {
    return this.#operated.history(pool);
  }

  /** `target`: `pool/id`. It holds until it is taken back (`{ state: null }`, `{ factor: null }`). Rejects with `NO_POOL`, `NO_TARGET`. */
  async order(target: string, word: OrderWord): Promise<Target> {
    const slash = target.indexOf("/");
    return this.#operated.order(target.slice(0, slash), target.slice(slash + 1), word, PROGRAM);
  }

  /** Ends those that match all of what is given, which is one thing at least: both ends get a reset. Gives how many there were. */
  async kill(filter: ConnectionFilter): Promise<number> {
    if (Object.keys(filter).length === 0)
      throw new HarmonyError("BAD_REQUEST", "say which connections to end: pool, target, client …", {
        fault: "client",
      });
    return this.#operated.kill(filter);
  }

  get #operated(): Operated {
    const operated = this.#running();
    if (operated !== null) return operated;
    throw new HarmonyError("NOT_READY", "the balancer has yet to start: wait for ready", {
      fault: "client",
      retry: true,
    });
  }
}
