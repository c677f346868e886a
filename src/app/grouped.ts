/** The balancer as one of a group: what it passes on to the others, and what becomes of what they say. */
import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import type { BalancerSettings } from "../config/settings.ts";
import type { Revocation } from "../control/protocol/revocation.ts";
import type { ControlServer } from "../control/server/server.ts";
import type { Services as Bringing } from "../control/server/services.ts";
import type { Engine } from "../engines/engine.ts";
import { Group } from "../group/group.ts";
import { hostMark } from "../group/host-mark.ts";
import type { GroupEvents } from "../group/options.ts";
import { ownTarget } from "../group/record.ts";
import { SharedBindings } from "../group/shared-bindings.ts";
import { type OrderBook, SharedOrders } from "../group/shared-orders.ts";
import { SharedPermits } from "../group/shared-permits.ts";
import { SharedRevocations } from "../group/shared-revocations.ts";
import { Shares } from "../group/shares.ts";
import type { GroupStore } from "../group/store.ts";
import type { Statistics } from "../telemetry/statistics.ts";
import { systemClock } from "../util/clock.ts";
import type { EventOf } from "../util/emitter.ts";
import { messageOf } from "../util/errors.ts";
import { VERSION } from "../util/version.ts";
import type { BalancerEvents } from "./events.ts";
import type { Trust } from "./invited.ts";
import { PoolBindings } from "./pool-bindings.ts";
import { PoolLookUps } from "./pool-look-ups.ts";
import type { Services } from "./services.ts";
import { SharedServices } from "./shared-services.ts";
import type { StateFile } from "./state/state-file.ts";
import { targetLoads } from "./target-loads.ts";

/** The group that the balancer is to be one of. */
export interface Membership {
  readonly name: string;
  /** Where it meets, without a password. */
  readonly place: string;
  readonly store: GroupStore;
}

export interface GroupedOptions {
  readonly settings: Pick<BalancerSettings, "admin">;
  readonly membership: Membership;
  /** How long a report counts, ms. */
  readonly lease: number;
  readonly services: Pick<Services, "connections" | "permitsChanged" | "pools" | "state">;
  readonly statistics: Pick<Statistics, "of">;
  readonly engine: Pick<Engine, "lookedUp" | "now">;
  readonly control: () => ControlServer;
  readonly brought: Pick<Bringing, "bring">;
  readonly trust: Pick<Trust, "keys" | "revocations">;
  /** null: what is ordered is not kept. */
  readonly state: Pick<StateFile, "keep"> | null;
  readonly tell: (...event: EventOf<BalancerEvents>) => void;
}

/** The group, and the parts of it that others speak to. */
export interface Grouped {
  readonly group: Group;
  readonly orders: SharedOrders;
  /** Operators of this balancer have revoked these keys. */
  readonly revoked: (revocations: readonly Revocation[]) => void;
  readonly shares: Shares;
  readonly bindings: SharedBindings;
  readonly permits: SharedPermits;
}

export function grouped(options: GroupedOptions): Grouped {
  const { membership, lease, services, statistics, control, tell } = options;
  const { revocations } = options.trust;
  const startedAt = Date.now();
  const host = hostMark();
  const registry = () => control().registry;
  const bringing = new SharedServices({ ...options, clock: systemClock, onOpened: () => group.offer() });
  const orders = sharedOrders(options);
  const ofTargets = { pools: services.pools, statistics };
  const shares = new Shares({ clock: systemClock, loads: () => targetLoads(ofTargets) });
  const bindings = sharedBindings(options);
  const id = randomUUID();
  const permits = new SharedPermits({
    ...{ id, lease, clock: systemClock, pools: services.pools },
    refused: (pool) => statistics.of(pool)?.unavailable["queue-full"] ?? 0,
    onPart: (pool) => services.permitsChanged(pool),
    onWarning: (message) => tell("warning", message),
  });
  const keysRevoked = sharedRevocations(options.trust, () => group.revoked());
  const group: Group = new Group({
    ...membership,
    id,
    lease,
    clock: systemClock,
    wallClock: Date.now,
    onEvent: (...event) => tellOf(membership, event, tell),
    facts: () => ({
      name: nameOf(control(), options.settings),
      version: VERSION,
      host,
      startedAt,
      reporters: control().sessions,
      ...services.connections,
    }),
    own: (name) => ownTarget(registry().rows.get(name)?.registered, (key) => revocations.fingerprintOf(key)),
    isRevoked: (fingerprint) => revocations.all.has(fingerprint),
    taker: {
      take: (name, target) => bringing.pending(target) ?? registry().sharing.take(name, target),
      drop: (name) => registry().sharing.drop(name),
      has: (name) => registry().sharing.has(name),
    },
    sharedTargets: () => registry().sharing.alone,
    active: (name) => registry().sharing.active(name),
    parts: [orders, keysRevoked, permits, bindings, shares],
  });
  const revoked = (all: readonly Revocation[]) => {
    for (const each of all) keysRevoked.revoked(each);
    group.revoked();
  };
  return { group, orders, revoked, permits, bindings, shares };
}

function sharedOrders({ control, settings, state, tell }: GroupedOptions): SharedOrders {
  const ordering = () => control().registry.ordering;
  const book: OrderBook = {
    all: () => ordering().all(),
    heed: (name, order, by) => {
      try {
        ordering().heed(name, order, by);
      } catch (error) {
        tell(
          "warning",
          `an order of another balancer's about ${name} is not in force here: ${messageOf(error)}`,
          error,
        );
      }
      void state?.keep();
    },
  };
  return new SharedOrders(book, () => nameOf(control(), settings));
}

interface RevokedKeys {
  readonly keys: Pick<Trust["keys"], "refresh">;
  readonly revocations: Pick<Trust["revocations"], "all" | "heed">;
}

/** What others' operators revoke is refused here at once. Thousands may come together: files and targets are looked at once for all of them. */
export function sharedRevocations({ keys, revocations }: RevokedKeys, onRevoked: () => void): SharedRevocations {
  let isDue = false;
  const look = () => {
    isDue = false;
    keys.refresh();
    onRevoked();
  };
  return new SharedRevocations({
    get all() {
      return revocations.all;
    },
    heed: (revocation) => {
      revocations.heed(revocation);
      if (!isDue) queueMicrotask(look);
      isDue = true;
    },
  });
}

function sharedBindings({ services, engine, tell }: GroupedOptions): SharedBindings {
  const { pools } = services;
  const settingsOf = (pool: string) => services.state.pools.get(pool);
  return new SharedBindings({
    book: new PoolBindings({ pools, settingsOf, engine, wallClock: Date.now }),
    lookers: new PoolLookUps({ pools, settingsOf, engine }),
    clock: systemClock,
    wallClock: Date.now,
    onWarning: (message) => tell("warning", message),
  });
}

function tellOf({ place }: Membership, event: EventOf<GroupEvents>, tell: GroupedOptions["tell"]): void {
  const [name, what, more, why] = event;
  if (name === "connected") tell("groupConnected", place);
  else if (name === "unreached") tell("groupUnreached", place, what);
  else if (name === "lost") tell("groupLost", place, what, more);
  else if (name === "found") tell("membersFound", what);
  else if (name === "joined") tell("memberJoined", what);
  else if (name === "left") tell("memberLeft", what, more);
  else if (name === "warning") tell("warning", what);
  else
    tell(
      "warning",
      `the target ${what}, which balancer ${more} of the group knows, is not used here, nor are others for the same reason: ${why}`,
    );
}

/** For people: its host, and where its reporters come. */
function nameOf({ addresses: [first] }: ControlServer, { admin }: GroupedOptions["settings"]): string {
  const port = (first ?? admin[0])?.port ?? 0; // real once it is open
  return port === 0 ? hostname() : `${hostname()}:${port}`;
}
