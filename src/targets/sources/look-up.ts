/** What a name among a pool's targets stands for now. */
import { isIP } from "node:net";
import type { NameService, ServiceRecord } from "../../net/dns.ts";
import { messageOf } from "../../util/errors.ts";

export type Question =
  | { readonly kind: "name"; readonly host: string }
  | { readonly kind: "srv"; readonly name: string };

/** One address. */
export interface Instance {
  readonly ip: string;
  /** The name that it is an address of. */
  readonly host: string;
  /** Of an SRV record; null for an address of a plain name. */
  readonly record: { readonly port: number; readonly priority: number; readonly weight: number } | null;
}

export interface Answer {
  /** In an order that does not change with that of the servers' answers. */
  readonly instances: readonly Instance[];
  /** ms that this holds; null: nobody says. Never rejects. */
  readonly holds: Promise<number | null>;
  /** What could not be looked up, or be used, though the rest could. */
  readonly trouble: string | null;
}

/** Addresses that are taken from one name. More targets than that hardly come from one name but by mistake, or by malice. */
export const MOST_INSTANCES = 256;

/**
 * `last`: the answer of before, parts of which stay where they alone cannot be looked up. `isLate`: it has taken so long that other
 * names are to have their turn. Rejects with NetError.
 */
export async function lookUp(
  question: Question,
  names: NameService,
  last: readonly Instance[],
  isLate: () => boolean,
): Promise<Answer> {
  const answer = await (question.kind === "name"
    ? addressesOf(question.host, names, last)
    : servicesOf(question.name, names, last, isLate));
  if (answer.instances.length <= MOST_INSTANCES) return answer;
  const name = question.kind === "name" ? question.host : `srv:${question.name}`;
  const trouble = `${name} has more than ${MOST_INSTANCES} addresses, of which ${MOST_INSTANCES} are used`;
  return { ...answer, instances: answer.instances.slice(0, MOST_INSTANCES), trouble };
}

/** In their order. A key takes time to make, and answers may be as long as somebody likes. */
function inOrder<T>(all: readonly T[], keyOf: (each: T) => string): T[] {
  const keyed = all.map((each) => ({ each, key: keyOf(each) }));
  return keyed.sort((a, b) => (a.key < b.key ? -1 : 1)).map(({ each }) => each);
}

async function addressesOf(host: string, names: NameService, last: readonly Instance[]): Promise<Answer> {
  const { addresses, holds, missing } = await names.addresses(host);
  const kept = last.filter(({ ip }) => isIP(ip) === missing);
  const found = [...new Set(addresses)].map((ip): Instance => ({ ip, host, record: null }));
  const trouble = missing === null ? null : `cannot look up the IPv${missing} addresses of ${host}`;
  return { instances: inOrder([...found, ...kept], keyOf), holds, trouble };
}

async function servicesOf(
  name: string,
  names: NameService,
  last: readonly Instance[],
  isLate: () => boolean,
): Promise<Answer> {
  const records = (await names.services(name)).filter(({ host }) => host !== "");
  const answers = new Map<string, Answer>();
  const instances: Instance[] = [];
  for (const record of inOrder(records, keyOfRecord).slice(0, MOST_INSTANCES)) {
    if (instances.length > MOST_INSTANCES) break;
    const { host } = record;
    const answer = answers.get(host) ?? (await kept(host, isLate() ? null : names, last));
    answers.set(host, answer);
    instances.push(...instancesOf(record, answer));
  }
  const all = [...answers.values()];
  if (all.length > 0 && all.every(({ trouble, instances }) => trouble !== null && instances.length === 0)) {
    throw new Error(all[0]!.trouble!);
  }
  return {
    instances: inOrder(instances, keyOf),
    holds: earliest(all.map(({ holds }) => holds)),
    trouble: all.find(({ trouble }) => trouble !== null)?.trouble ?? null,
  };
}

/** As addressesOf(); where that fails, or there is no time for it (null), what was known of this host. */
async function kept(host: string, names: NameService | null, last: readonly Instance[]): Promise<Answer> {
  const known = last.filter((each) => each.host === host);
  try {
    if (names === null) throw new Error(`no time was left to look up ${host}`);
    const answer = await addressesOf(host, names, known);
    return { ...answer, instances: answer.instances.slice(0, MOST_INSTANCES + 1) };
  } catch (error) {
    return { instances: known, holds: Promise.resolve(null), trouble: messageOf(error) };
  }
}

function instancesOf({ host, port, priority, weight }: ServiceRecord, { instances }: Answer): Instance[] {
  const ips = new Set(instances.map(({ ip }) => ip));
  return [...ips].map((ip) => ({ ip, host, record: { port, priority, weight } }));
}

async function earliest(all: readonly Promise<number | null>[]): Promise<number | null> {
  const known = (await Promise.all(all)).filter((each) => each !== null);
  return known.length > 0 ? Math.min(...known) : null;
}

/** The records of the lowest priority count first, whatever order they come in. */
function keyOfRecord({ priority, host, port, weight }: ServiceRecord): string {
  return `${padded(priority)} ${host} ${port} ${weight}`;
}

function padded(priority: number): string {
  return String(priority).padStart(5, "0");
}

/** Of two that are the same address, which a name may have by two records, the one with the lower priority comes first. */
function keyOf({ ip, record }: Instance): string {
  const { port = 0, priority = 0, weight = 0 } = record ?? {};
  return `${padded(priority)} ${ip} ${port} ${weight}`;
}
