/**
 * Which target a report speaks of. The one that is declared where it is, whatever the report calls it: then it is one target with
 * two sources. Else the one that it names, by an id or by its address.
 *
 * A row keeps its name, and so its counters, as long as one of its sources is there. It has that of the source that came first:
 * therefore a declared target may have an id for its name, and a report may name another id than its row.
 */
import type { Address, TcpAddress } from "../net/runtime.ts";
import { formatAddress } from "../util/address.ts";
import type { Entry, Row } from "./entry.ts";
import { identityOf, placeOf } from "./location.ts";
import type { Report } from "./report.ts";

export class RowNames {
  readonly #rows: { get(identity: string): Row | undefined };
  /** Of declared targets, by their place. */
  readonly #declared = new Map<string, Row>();
  /** Of registered ones, by what their report calls them and by their location. */
  readonly #registered = new Map<string, Row>();

  constructor(rows: { get(identity: string): Row | undefined }) {
    this.#rows = rows;
  }

  /** `address`: where the target is dialled, as far as that is known. See locationOf() for `location`. */
  identityFor(report: Report, location: TcpAddress, address = location): string {
    const { pool } = report;
    const declared = this.#declared.get(placeOf(pool, location)) ?? this.#declared.get(placeOf(pool, address));
    if (declared !== undefined) return declared.identity;
    const registered = this.#registered.get(nameAndPlace(report, location));
    if (registered !== undefined) return registered.identity;
    const name = identityOf(report, location);
    return this.#rows.get(name)?.declared ? placeOf(pool, location) : name; // an id that names what is declared elsewhere
  }

  declaredAt(place: string): Row | undefined {
    return this.#declared.get(place);
  }

  declare(place: string, row: Row): void {
    this.#declared.set(place, row);
  }

  undeclare(place: string): void {
    this.#declared.delete(place);
  }

  registered({ report, location, row }: Entry): void {
    this.#registered.set(nameAndPlace(report, location), row);
  }

  left({ report, location, row }: Entry): void {
    const key = nameAndPlace(report, location);
    if (this.#registered.get(key) === row) this.#registered.delete(key);
  }
}

/** All that orders about it may be under, its own name first: a balancer that starts anew may come to know it by another one of them. */
export function namesOf(row: Pick<Row, "identity" | "poolName" | "registered" | "shared" | "declared">): string[] {
  const { identity, poolName, registered, shared, declared } = row;
  const reported = registered && [
    identityOf(registered.report, registered.location),
    placeOf(poolName, registered.location),
    placeOf(poolName, registered.address),
  ];
  const told = shared && [identityOf(shared.report, shared.address), placeOf(poolName, shared.address)];
  const written = declared && [placeOf(poolName, declared.address)];
  return [...new Set([identity, ...(reported ?? []), ...(told ?? []), ...(written ?? [])])];
}

/** Whether a row has one of these names, without making a text for each row. One at a Unix socket always may. */
export function sharing(names: readonly string[]): (row: Row) => boolean {
  const own = new Set(names);
  const ids = new Set(names.map((name) => name.slice(name.indexOf("/") + 1)));
  const hosts = new Map<number, string[]>();
  for (const id of ids) {
    const [, host, port] = /^\[?(.*?)\]?:(\d+)$/.exec(id) ?? [];
    if (host !== undefined) hosts.set(Number(port), [...(hosts.get(Number(port)) ?? []), host]);
  }
  const isAt = (address: Address) => "path" in address || (hosts.get(address.port)?.includes(address.host) ?? false);
  return ({ identity, registered, shared, declared }) => {
    if (own.has(identity) || (declared !== null && isAt(declared.address))) return true;
    if (shared !== null && (isAt(shared.address) || (shared.report.id !== undefined && ids.has(shared.report.id))))
      return true;
    if (registered === null) return false;
    const { report, location, address } = registered;
    return (report.id !== undefined && ids.has(report.id)) || isAt(location) || isAt(address);
  };
}

function nameAndPlace(report: Report, location: TcpAddress): string {
  return `${identityOf(report, location)} at ${formatAddress(location)}`;
}
