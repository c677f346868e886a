/** Listeners that ask clients for something before they serve them, in tests of engines. */
import assert from "node:assert/strict";
import { AddressRanges } from "../../../src/edge/access/address-ranges.ts";
import { AddressSet, type AddressSetData } from "../../../src/edge/access/address-set.ts";
import { type ClientLimitOptions, ClientLimits } from "../../../src/edge/access/client-limits.ts";
import { type Refusal, RefusalCounters } from "../../../src/edge/refusals.ts";
import type { EdgeRules } from "../../../src/edge/rules.ts";
import type { EngineListener } from "../../../src/engines/engine.ts";
import type { Connection } from "../../../src/net/runtime.ts";
import type { Pool } from "../../../src/pool/pool.ts";
import { ending, text } from "../../support/stream.ts";
import { until } from "../../support/wait.ts";
import type { Host } from "../host.ts";
import type { Lab } from "../lab.ts";

/** The peers of all tests. */
export const HERE = ["127.0.0.0/8"];
/** ms: longer than any test. */
export const FOREVER = 1_000_000;

export interface Asked extends Partial<Pick<EdgeRules, "secret" | "refuse" | "prereadTimeout" | "routes">> {
  readonly senders?: readonly string[];
  readonly allow?: readonly string[];
  readonly deny?: readonly string[];
  readonly limits?: Partial<ClientLimitOptions>;
}

export interface Asking {
  readonly rules: EdgeRules;
  /** How many were refused, by reason; those of which there are none are left out. */
  refusals(): Partial<Record<Refusal, number>>;
}

export function askingFor(asked: Asked): Asking {
  const counters = new RefusalCounters();
  const { limits } = asked;
  const rules: EdgeRules = {
    senders: setOf(asked.senders),
    secret: asked.secret ?? null,
    allow: setOf(asked.allow),
    deny: setOf(asked.deny),
    limits: limits === undefined ? null : ClientLimits.create({ ...NO_LIMITS, ...limits }),
    refuse: asked.refuse ?? { type: "reset" },
    prereadTimeout: asked.prereadTimeout ?? FOREVER,
    routes: asked.routes ?? [{ names: [], alpn: [] }],
    counters: counters.buffer,
  };
  const refusals = () => Object.fromEntries(Object.entries(counters.read()).filter(([, count]) => count > 0));
  return { rules, refusals };
}

const NO_LIMITS: ClientLimitOptions = { connections: 0, rate: 0, burst: 1, v4Bits: 32, v6Bits: 64 };

function setOf(cidrs: readonly string[] | undefined): AddressSetData | null {
  if (cidrs === undefined) return null;
  const ranges = new AddressRanges();
  for (const cidr of cidrs) assert.ok(ranges.add(cidr), cidr);
  return AddressSet.of(ranges);
}

/** The lab's listener asks for that from now on. */
export async function ask(
  lab: Lab,
  asked: Asked,
  pools: readonly Pool[] = [lab.pool],
  listener: EngineListener = lab.front.listeners[0]!,
): Promise<Asking> {
  const asking = askingFor(asked);
  await listener.serve({ rules: asking.rules, pools });
  return asking;
}

/** A client that begins with these bytes, and finishes with them where that is said. */
export async function clientSaying(lab: Lab, first: string | Uint8Array, finishes = false): Promise<Connection> {
  const client = await lab.client();
  await client.write(typeof first === "string" ? text(first) : first);
  if (finishes) await client.closeWrite();
  return client;
}

/** Whoever has come last was reset, as far as this runtime tells, and leaves no record. */
export async function assertRefused(lab: Lab, client: Connection, host: Host): Promise<void> {
  lab.cutOff();
  const how = await ending(client);
  if (host.runtime.can.reset && host.runtime.can.seesReset) assert.equal(how, "ECONNRESET");
}

/** The same of one that comes now, and may be refused before it knows that it is connected. */
export async function assertTurnedAway(lab: Lab, host: Host): Promise<void> {
  const client = await lab.client().catch((error) => {
    assert.equal(error.code, "ECONNRESET");
    return null;
  });
  if (client === null) lab.cutOff();
  else await assertRefused(lab, client, host);
}

/** So many were refused for that, and nobody for anything else. */
export async function assertCounted(asking: Asking, reason: Refusal, count = 1): Promise<void> {
  await until("the refusal's count", () => (asking.refusals()[reason] ?? 0) >= count);
  assert.deepEqual(asking.refusals(), { [reason]: count });
}
