/** The balancer as an asker sees it whose token is for one pool: there is nothing else. */
import { HarmonyError } from "../../util/errors.ts";
import type { Asker, Operated } from "../face.ts";
import type { Event } from "./schemas/people.ts";
import type { Pool } from "./schemas/pools.ts";
import type { Status } from "./schemas/status.ts";

export function seenBy(operated: Operated, asker: Asker): Operated {
  return asker.pool === null ? operated : ofPool(operated, asker.pool, asker.name);
}

function ofPool(operated: Operated, own: string, token: string): Operated {
  const mine = (pool: string | undefined) => {
    if (pool !== undefined && pool !== own)
      throw new HarmonyError("NO_POOL", `there is no pool ${pool} for token "${token}"`, { fault: "client" });
    return own;
  };
  const refuse = (): never => {
    const why = `token "${token}" is for pool ${own} alone, and this is about all of them`;
    throw new HarmonyError("FORBIDDEN", why, { fault: "client" });
  };
  const isMine = (event: Event) => event.pool === own;
  const reporters = () => {
    const within = (target: string) => target.startsWith(`${own}/`);
    const all = operated.reporters().map((each) => ({ ...each, targets: each.targets.filter(within) }));
    return all.filter(({ targets }) => targets.length > 0);
  };
  const pools = async () => (await operated.pools()).filter(({ name }) => name === own);
  const listeners = () => {
    const all = operated.listeners().filter(({ pools }) => pools.includes(own));
    return all.map((each) => ({
      ...each,
      pool: own,
      pools: [own],
      routes: each.routes.filter(({ pool }) => pool === own),
    }));
  };
  return {
    pools,
    listeners,
    reporters,
    async status() {
      const [pool] = await pools();
      const orders = (await operated.targets(own)).filter(({ order }) => order !== null).length;
      const counts = { listeners: listeners().length, reporters: reporters().length, orders };
      return statusOf(await operated.status(), pool, counts);
    },
    targets: async (pool) => operated.targets(mine(pool)),
    target: async (pool, id) => operated.target(mine(pool), id),
    connections: async (filter, ...rest) => operated.connections({ ...filter, pool: mine(filter.pool) }, ...rest),
    bindings: async (filter, span) => operated.bindings({ ...filter, pool: mine(filter.pool) }, span),
    events: (after) => operated.events(after).filter(isMine),
    onEvent: (listener) => operated.onEvent((event) => isMine(event) && listener(event)),
    history: (pool) => operated.history(mine(pool)),
    order: async (pool, ...rest) => operated.order(mine(pool), ...rest),
    kill: async (filter) => operated.kill({ ...filter, pool: mine(filter.pool) }),
    putTarget: async (pool, ...rest) => operated.putTarget(mine(pool), ...rest),
    deleteTarget: async (pool, ...rest) => operated.deleteTarget(mine(pool), ...rest),
    keys: refuse,
    group: refuse,
    groupTargets: refuse,
    document: refuse,
    reload: refuse,
    compare: refuse,
    apply: refuse,
    setLogLevel: refuse,
  };
}

/** What is the process's own stays; what is counted is counted of the pool. */
function statusOf(
  status: Status,
  pool: Pool | undefined,
  counts: Pick<Status, "listeners" | "reporters" | "orders">,
): Status {
  const { name, panic = false, targets, active = 0, waiting = 0, connections: total = 0 } = pool ?? {};
  return {
    ...status,
    ...counts,
    pools: pool === undefined ? 0 : 1,
    targets: targets ?? { up: 0, suspect: 0, draining: 0, down: 0 },
    panic: panic && name !== undefined ? [name] : [],
    connections: { active, waiting, total },
  };
}
