/**
 * Targets that are put over the API: whoever puts one is its reporter, who comes back within the lease that he names, or the target is
 * down. He is judged as reporters are, by the words of his token's line; who comes over the socket may put any, and take out any that was put.
 */
import { badRequest } from "../../admin/api/problem.ts";
import type { PutTarget } from "../../admin/api/schemas/acts.ts";
import type { Asker } from "../../admin/face.ts";
import { remoteHost } from "../../config/address-kinds.ts";
import { DEFAULT_WEIGHT } from "../../config/shared-options.ts";
import { forbids, type Key } from "../../control/keys/key.ts";
import type { Token } from "../../control/keys/token.ts";
import { TARGET_ID } from "../../control/protocol/messages.ts";
import { advertisedHost, type Resolve } from "../../control/server/advertised.ts";
import { LOOPBACK } from "../../targets/loopback.ts";
import type { Registry } from "../../targets/registry.ts";
import type { Report, TargetKey, TargetOwner } from "../../targets/report.ts";
import { formatAddress, parseRange } from "../../util/address.ts";
import { HarmonyError } from "../../util/errors.ts";
import { noPool } from "./targets.ts";

/** Of the keys that tokens are for the registry. No key of a reporter has a colon in its id. */
const PREFIX = "token:";
/** The name of whoever comes over the socket. */
const SOCKET = "socket";
/** Loopback counts only where it is named. */
const ANYWHERE = ["0.0.0.0/0", "::/0", "127.0.0.0/8", "::1/128"].flatMap((range) => parseRange(range) ?? []);

/** Keys of those who put targets, for a registry that asks what they may now. */
export class PutKeys {
  readonly #tokens: { named(name: string): Pick<Token, "name" | "right" | "limits"> | undefined };

  constructor(tokens: { named(name: string): Pick<Token, "name" | "right" | "limits"> | undefined }) {
    this.#tokens = tokens;
  }

  /** Undefined: it is none, or none any more. */
  current({ id }: Pick<Key, "id">): Key | undefined {
    if (id === PREFIX + SOCKET) return { id, limits: { advertise: ANYWHERE } };
    const token = isPutKey({ id }) ? this.#tokens.named(id.slice(PREFIX.length)) : undefined;
    return token?.right === "act" ? { id, limits: token.limits } : undefined;
  }

  /** Throws `FORBIDDEN` where the token may put nothing. */
  of({ name }: Pick<Asker, "name">): Key {
    const key = this.current({ id: PREFIX + name });
    if (key?.limits.advertise !== undefined) return key;
    const message =
      `token "${name}" may put no targets: give its line in the key file advertise=, with the addresses that they may have. ` +
      "Over the balancer's socket there is no such limit";
    throw new HarmonyError("FORBIDDEN", message, { fault: "client" });
  }
}

export function isPutKey({ id }: Pick<TargetKey, "id">): boolean {
  return id.startsWith(PREFIX);
}

export interface PutTargetsOptions {
  readonly pools: { has(name: string): boolean };
  readonly registry: Registry;
  readonly keys: PutKeys;
  /** For addresses that are names. */
  readonly resolve: Resolve;
}

/** ms that a name has to be resolved. */
const RESOLVE_MS = 5_000;

/** The name that the target has. Rejects with HarmonyError where it may not be. */
export async function putTarget(
  { pools, registry, keys, resolve }: PutTargetsOptions,
  pool: string,
  id: string,
  said: PutTarget,
  by: Pick<Asker, "name" | "address">,
): Promise<string> {
  if (!pools.has(pool)) throw noPool(pool);
  const report = reportOf(pool, id, said);
  const key = keys.of(by);
  const remote = { host: by.address || LOOPBACK, port: 0 };
  const owner: TargetOwner & { readonly key: Key } = {
    remote,
    key,
    forbids: (each, host) => forbids(key, each, remote.host, host),
    replaced: () => undefined,
  };
  const host = await advertisedHost(owner, report, { registry, resolve }, AbortSignal.timeout(RESOLVE_MS));
  const { target } = registry.report(owner, report, host, { lease: said.leaseMs });
  registry.lost(owner); // he is gone until he puts it again; its lease runs
  return target;
}

/** Throws `NO_TARGET`, or `OWNED` where it is not his. */
export function deleteTarget(
  { registry }: Pick<PutTargetsOptions, "registry">,
  pool: string,
  id: string,
  by: Pick<Asker, "name">,
): void {
  const own = PREFIX + by.name;
  registry.withdraw(pool, id, (key) => key.id === own || (by.name === SOCKET && isPutKey(key)));
}

function reportOf(pool: string, id: string, said: PutTarget): Report & { readonly advertise: string } {
  const { weight = DEFAULT_WEIGHT, maxConnections, priority, sendProxy = "pool", state = "up" } = said;
  const at = remoteHost(said.address);
  if (at?.port == null) throw badRequest(`address: "${said.address}" is no HOST:PORT, such as 10.0.0.5:8080`);
  const { host: advertise, port } = at;
  const isPlace = id === formatAddress({ host: advertise, port });
  if (!isPlace && !TARGET_ID.test(id)) {
    throw badRequest(
      `"${id}" is no name for a target: 1 to 128 letters, digits, dots, dashes, underscores or at signs, or its address`,
    );
  }
  const health = state === "down" ? "down" : "up";
  return {
    id: isPlace ? undefined : id,
    pool,
    port,
    weight,
    health,
    drain: state === "draining",
    advertise,
    maxConnections,
    priority,
    sendProxy: sendProxy === "pool" ? undefined : sendProxy,
  };
}
