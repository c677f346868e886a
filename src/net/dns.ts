/**
 * What names stand for, and how long that holds. Addresses come from where other programs of this machine have them (its hosts file,
 * search domains, the names that a container network gives) or from the servers of the DNS that the operator names; services, the SRV
 * records, from servers of the DNS alone.
 *
 * The system's look-up does not say how long its answer holds. The DNS is asked for that as well, and believed where it gives the same
 * addresses. Node's interface, which all runtimes have, tells no time for SRV records; Deno's says of a server that fails that
 * the name does not exist.
 */
import { Resolver } from "node:dns/promises";
import { isIP } from "node:net";
import { formatAddress } from "../util/address.ts";
import { netCodeOf, netError } from "./net-error.ts";
import { resolveAll } from "./resolve.ts";
import type { TcpAddress } from "./runtime.ts";

/** ms that a server has for an answer, and how often it is asked: so a packet may get lost. */
const SERVER_MS = 1_500;
const TRIES = 2;
/** ms for a look-up in all: three servers, which is as many as systems have, and each twice. */
const LOOK_UP_MS = 10_000;
/** At once, of those that occupy one of the process's four threads for such work, for half a minute where servers are silent. */
const AT_ONCE_ON_THREADS = 2;
/** At once, of those that take a socket each. */
const AT_ONCE = 16;

export interface FoundAddresses {
  /** IP literals. */
  readonly addresses: readonly string[];
  /** ms that this holds; null: nobody says. Never rejects. */
  readonly holds: Promise<number | null>;
  /** The family that could not be looked up while the other one could. */
  readonly missing: 4 | 6 | null;
}

export interface ServiceRecord {
  /** Empty: the service is not there, and that is meant. */
  readonly host: string;
  readonly port: number;
  /** The lowest come first. */
  readonly priority: number;
  readonly weight: number;
}

export interface NameService {
  /** How many look-ups there may be at once. */
  readonly atOnce: number;
  /** At least one address. Rejects with NetError. */
  addresses(host: string): Promise<FoundAddresses>;
  /** At least one record. Rejects with NetError. */
  services(name: string): Promise<readonly ServiceRecord[]>;
  /** Gives up what is under way. */
  close(): void;
}

interface Timed {
  readonly address: string;
  /** s */
  readonly ttl: number;
}

export class Dns implements NameService {
  readonly atOnce: number;
  /** As Node takes them; empty: the system's. */
  readonly #servers: readonly string[];
  readonly #underWay = new Set<Resolver>();
  readonly #closed = new AbortController();

  readonly #patience: number;

  /** `servers` are IP addresses; `patience`: ms that each has for an answer, which doubles when it is asked again. */
  constructor(servers: readonly TcpAddress[], patience = SERVER_MS) {
    this.#patience = patience;
    this.#servers = servers.map(formatAddress);
    this.atOnce = servers.length > 0 ? AT_ONCE : AT_ONCE_ON_THREADS;
  }

  async addresses(host: string): Promise<FoundAddresses> {
    if (this.#servers.length === 0 || isIP(host) !== 0) return this.#ofSystem(host);
    try {
      const { found, missing } = await this.#query(host);
      return { addresses: found.map(({ address }) => address), holds: Promise.resolve(shortest(found)), missing };
    } catch (error) {
      if (netCodeOf(error) !== "ENOTFOUND") throw netError(netCodeOf(error), `cannot look up ${host}`);
      return this.#ofSystem(host); // such as localhost, or what the hosts file has
    }
  }

  async services(name: string): Promise<readonly ServiceRecord[]> {
    const doing = `cannot look up srv:${name}`;
    try {
      const records = await this.#ask((resolver) => resolver.resolveSrv(name));
      if (records.length === 0) throw netError("ENOTFOUND", doing);
      return records.map(({ name: host, port, priority, weight }) => ({
        host: host === "." ? "" : host,
        port,
        priority,
        weight,
      }));
    } catch (error) {
      throw netError(netCodeOf(error), doing);
    }
  }

  close(): void {
    this.#closed.abort();
    for (const resolver of this.#underWay) resolver.cancel();
  }

  async #ofSystem(host: string): Promise<FoundAddresses> {
    const { signal } = this.#closed;
    const addresses = await resolveAll(host, `cannot look up ${host}`, { timeout: LOOK_UP_MS, signal });
    const holds = isIP(host) !== 0 || isLocal(host) ? null : this.#timeOf(host, addresses);
    return { addresses, holds: Promise.resolve(holds), missing: null };
  }

  /** How long it holds that these are its addresses, if the DNS says so. */
  async #timeOf(host: string, addresses: readonly string[]): Promise<number | null> {
    try {
      const { found } = await this.#query(host);
      const known = new Set(found.map(({ address }) => address));
      return addresses.every((each) => known.has(each)) ? shortest(found) : null;
    } catch (error) {
      void error; // the system knows it from elsewhere
      return null;
    }
  }

  /** Rejects as Node does. */
  async #query(host: string): Promise<{ found: readonly Timed[]; missing: 4 | 6 | null }> {
    const [v4, v6] = await Promise.allSettled([
      this.#ask((resolver) => resolver.resolve4(host, { ttl: true })),
      this.#ask((resolver) => resolver.resolve6(host, { ttl: true })),
    ]);
    const found = [v4, v6].flatMap((each) => (each.status === "fulfilled" ? each.value : []));
    const failed = [v4, v6].filter(hasFailed);
    if (found.length === 0) throw (failed[0] ?? (v4 as PromiseRejectedResult)).reason;
    return { found, missing: hasFailed(v4) ? 4 : hasFailed(v6) ? 6 : null };
  }

  /** With a resolver of its own, which knows the system's servers as they are now. */
  async #ask<T>(query: (resolver: Resolver) => Promise<T>): Promise<T> {
    const resolver = new Resolver({ timeout: this.#patience, tries: TRIES });
    if (this.#servers.length > 0) resolver.setServers(this.#servers);
    this.#underWay.add(resolver);
    const deadline = setTimeout(() => resolver.cancel(), LOOK_UP_MS);
    try {
      return await query(resolver);
    } finally {
      clearTimeout(deadline);
      this.#underWay.delete(resolver);
    }
  }
}

/** Not: there is none of that family. */
function hasFailed(outcome: PromiseSettledResult<unknown>): outcome is PromiseRejectedResult {
  if (outcome.status === "fulfilled") return false;
  const { code } = outcome.reason as { code?: unknown };
  return code !== "ENODATA" && code !== "ENOTFOUND";
}

/** Bun tells the times of the first 256 addresses alone. */
function shortest(found: readonly Timed[]): number | null {
  const times = found.map(({ ttl }) => ttl).filter((ttl) => Number.isFinite(ttl));
  return times.length > 0 ? 1_000 * Math.min(...times) : null;
}

/** Which no server of the DNS has to be asked for. */
function isLocal(host: string): boolean {
  return /(^|\.)localhost\.?$/i.test(host);
}
