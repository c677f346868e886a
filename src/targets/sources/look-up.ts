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

/** `last`: the answer of before, parts of which stay where they alone cannot be looked up. Rejects with NetError. */
export async function lookUp(question: Question, names: NameService, last: readonly Instance[]): Promise<Answer> {
  const answer = await (question.kind === "name"
    ? addressesOf(question.host, names, last)
    : servicesOf(question.name, names, last));
  const instances = [...answer.instances].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  if (instances.length <= MOST_INSTANCES) return { ...answer, instances };
  const name = question.kind === "name" ? question.host : `srv:${question.name}`;
  const trouble = `${name} has ${instances.length} addresses, of which ${MOST_INSTANCES} are used`;
  return { ...answer, instances: instances.slice(0, MOST_INSTANCES), trouble };
}

async function addressesOf(host: string, names: NameService, last: readonly Instance[]): Promise<Answer> {
  const { addresses, holds, missing } = await names.addresses(host);
  const kept = last.filter(({ ip }) => isIP(ip) === missing);
  const found = [...new Set(addresses)].map((ip): Instance => ({ ip, host, record: null }));
  const trouble = missing === null ? null : `cannot look up the IPv${missing} addresses of ${host}`;
  return { instances: [...found, ...kept], holds, trouble };
}

async function servicesOf(name: string, names: NameService, last: readonly Instance[]): Promise<Answer> {
  const records = (await names.services(name)).filter(({ host }) => host !== "").slice(0, MOST_INSTANCES);
  const hosts = [...new Set(records.map(({ host }) => host))];
  const answers = new Map<string, Answer>();
  for (const host of hosts) answers.set(host, await kept(host, names, last));
  const all = [...answers.values()];
  if (all.length > 0 && all.every(({ trouble, instances }) => trouble !== null && instances.length === 0)) {
    throw new Error(all[0]!.trouble!);
  }
  return {
    instances: records.flatMap((record) => instancesOf(record, answers.get(record.host)!)),
    holds: earliest(all.map(({ holds }) => holds)),
    trouble: all.find(({ trouble }) => trouble !== null)?.trouble ?? null,
  };
}

/** As addressesOf(); where that fails, what was known of this host. */
async function kept(host: string, names: NameService, last: readonly Instance[]): Promise<Answer> {
  const known = last.filter((each) => each.host === host);
  try {
    return await addressesOf(host, names, known);
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

/** Of two that are the same address, which a name may have by two records, the one with the lower priority comes first. */
function keyOf({ ip, record }: Instance): string {
  const { port = 0, priority = 0, weight = 0 } = record ?? {};
  return `${String(priority).padStart(5, "0")} ${ip} ${port} ${weight}`;
}
