/** What the registry keeps: a row for each target, and in it what each of the target's sources says. */
import type { TcpAddress } from "../net/runtime.ts";
import type { Credits, TargetSpec, TargetState } from "../pool/pool.ts";
import type { CheckedWord, TargetChecks } from "./checked.ts";
import { type Order, saidByOrder, scaled, weightBy } from "./orders.ts";
import type { Registered } from "./panic.ts";
import { type Report, type Said, saidBy, type TargetInfo, type TargetOwner } from "./report.ts";
import type { OwnWordOptions, SharedTarget } from "./shared-target.ts";
import type { Claim } from "./takeover.ts";
import type { TargetPool } from "./target-pool.ts";
import type { DeclaredTarget, TargetSource } from "./wanted.ts";

/** What a reporter has registered. Another report makes another one, of the same row. */
export interface Entry extends Claim, Registered {
  readonly row: Row;
  /** null once the session is gone; the lease runs on. */
  owner: TargetOwner | null;
  /** By which its key judges it when the session is gone: where that was seen, and where the target is. */
  readonly judged: { readonly seen: string; readonly host: string };
  /** Where it is dialled. */
  readonly address: TcpAddress;
  /** What of its limit may be used here; null: all. A balancer that stops gives it back. */
  credits: Credits | null;
  /** False once its lease has run out, or a probe was refused after its reporter was lost. */
  counts: boolean;
  /** Why it counts no more, once it does not. */
  lapsed: "lease-expired" | "refused" | null;
  /** ms since 1970: when its reporter began to say this; when it ceased to count. */
  saidSince: number;
  /** ms since 1970. */
  readonly reportedAt: number;
}

/** A report counts from now on. What it says may have been said before. `now`: ms since 1970. */
export function beginning(report: Report, before: Entry | undefined, now: number) {
  const goesOn = before?.counts && saidBy(before) === saidBy({ counts: true, report });
  return { counts: true, lapsed: null, saidSince: goesOn ? before.saidSince : now, reportedAt: now };
}

/** At least one source is there, from the first write() on. */
export interface Row {
  readonly identity: string;
  /** Its pool's name. */
  readonly poolName: string;
  readonly pool: TargetPool;
  /** By a reporter. */
  registered: Entry | null;
  /** By another balancer of the group. */
  shared: SharedTarget | null;
  /** By the document or the DNS. */
  declared: DeclaredTarget | null;
  /** ms since 1970. */
  declaredSince: number;
  /** By an operator; as the row was last written. */
  order: Order | null;
  /** The balancer's own. Those that the row was last written with. */
  checks: TargetChecks;
  /** As the pool has it; null before it does. */
  spec: TargetSpec | null;
  /** What its weight is to be once its slow start is over: ramps.ts. */
  fullWeight: number;
  /** By the registry's clock: when it was first reached since it came or came back; null: it is not served. */
  servedSince: number | null;
  /** What connections and probes have told of it since it was last to be served. `since`: ms since 1970. */
  observed: { readonly says: "up" | "suspect"; readonly since: number };
  /**
   * What its sources, leases and probes make of it; whether one that is up is a suspect, the pool alone knows. `new`: it is to be
   * up, and nobody has connected to it since it came or came back; the pool has it as a suspect. In panic the pool may have one that
   * is down as up. `unchecked`: it is to be up once its check has passed for the first time; the pool has it as down.
   */
  state: "new" | "unchecked" | "up" | "draining" | "down";
}

/** A target without an owner whose lease runs on: its reporter went away without a word, so it may be gone as well. */
export interface Orphan extends TargetInfo {
  readonly address: TcpAddress;
  /** When its lease ends. */
  readonly until: number;
}

/** What counts of a row: its spec, and what it is to be. */
export interface Word extends Omit<TargetSpec, "identity"> {
  readonly says: Said;
}

/** What its sources say, as far as its checks and an operator leave it to them. */
export function heeding(order: Order | null, checked: CheckedWord | null, word: Word): Word {
  const own = checked === null ? word.weight : scaled(word.weight, checked.factor);
  const byChecks = checked === null || checked.says === "unknown" ? "up" : checked.says;
  return {
    ...word,
    weight: weightBy(order, own),
    maxConnections: checked?.maxConnections ?? word.maxConnections,
    says: worse(worse(word.says, byChecks), saidByOrder(order)),
  };
}

/** From what serves most to what serves least. */
const STATES = ["up", "suspect", "draining", "down"] as const satisfies readonly TargetState[];

export function worse<S extends TargetState>(a: S, b: S): S {
  return STATES.indexOf(a) >= STATES.indexOf(b) ? a : b;
}

/** All that may say that a target exists. */
export type Sources = Pick<Row, "registered" | "shared" | "declared">;

/** What counts of it: what is reported here as long as that counts, else what another balancer has been told, and else what is declared. */
export function wordOf({ registered, shared, declared }: Sources): Word | null {
  const spoken = speaks(registered, shared) ? registered : shared;
  if (spoken !== null) return spokenWord(spoken, declared);
  if (declared === null) return registered && spokenWord(registered, null);
  const { backup } = declared;
  const { address, weight, maxConnections, priority } = declared;
  return { address, weight, maxConnections, priority, backup, says: "up" };
}

function spokenWord(
  spoken: Pick<Entry, "address" | "report" | "counts" | "credits"> | SharedTarget,
  declared: DeclaredTarget | null,
): Word {
  const { address, report } = spoken;
  const { weight, maxConnections = 0, priority = declared?.priority ?? 0, sendProxy = "pool" } = report;
  const says = saidBy("counts" in spoken ? spoken : { counts: true, report });
  const limits = { maxConnections, ...divided(spoken) };
  return { address, weight, ...limits, priority, backup: declared?.backup ?? false, sendProxy, says };
}

/** Of a target that several balancers share: its reporter issues nothing to one that it does not speak to. */
function divided(
  spoken: Pick<Entry, "report" | "counts" | "credits"> | SharedTarget,
): Pick<Word, "credits" | "elsewhere"> {
  const { credits, elsewhere = 0 } = spoken.report;
  if ("counts" in spoken) return { credits: spoken.credits, elsewhere: spoken.counts ? elsewhere : 0 };
  return { credits: credits === undefined ? null : { count: 0, until: Number.POSITIVE_INFINITY }, elsewhere: 0 };
}

/** Whether its own reporters say anything: one whose lease has run out says nothing, where there is another source. */
export function isReported({ registered, shared, declared }: Sources): boolean {
  if (speaks(registered, shared)) return true;
  return registered !== null && shared === null && declared === null;
}

/** Whose reporter is lost here, and has said something at another balancer since, speaks there. */
function speaks(registered: Sources["registered"], shared: Sources["shared"]): registered is Entry {
  if (!registered?.counts) return false;
  return registered.owner !== null || shared === null || shared.at <= registered.reportedAt;
}

/** Who says that it exists. Other balancers are asked where no reporter speaks here. */
export function sourcesOf(row: Sources): readonly TargetSource[] {
  const { shared, declared } = row;
  const sources: TargetSource[] = isReported(row) ? ["registered"] : shared === null ? [] : ["shared"];
  return declared === null ? sources : [...sources, declared.source];
}

/** It is to be up. */
export function takesLoad({ state }: Pick<Row, "state">): boolean {
  return state === "up" || state === "new";
}

/** It is down and has no reporter: it is kept for its counters alone. */
export function isDead(entry: Entry): boolean {
  return entry.owner === null && saidBy(entry) === "down";
}

/** Its reporter is gone, and nobody else says that it is there. */
export function isGone({ registered, shared, declared }: Sources): boolean {
  return shared === null && declared === null && isDead(registered!);
}

/** Connections that it has now. */
export function activeOn({ pool, identity }: Pick<Row, "pool" | "identity">): number {
  return pool.connections(identity);
}

/** Its connections, of one that drains those at other balancers as well, and all that it has had where its reporter wants to know whether anybody comes. */
export function countsOf(row: Row, { elsewhere }: OwnWordOptions): { active: number; total?: number } {
  const { pool, identity, registered, state } = row;
  const { active = 0, total = 0 } = pool.view(identity) ?? {};
  const others = state === "draining" ? (elsewhere?.(identity) ?? 0) : 0;
  return { active: active + others, ...(registered?.report.asleep !== undefined && { total }) };
}

/** Of a row that its pool has. */
export function infoOf({ identity, spec, fullWeight: weight }: Row): TargetInfo {
  const { address } = spec!;
  return { identity, address, weight };
}

export function orphanOf({ row, address, until }: Entry): Orphan {
  return { ...infoOf(row), address, until };
}
