/**
 * Which target a report speaks of. The one that is declared where it is, whatever the report calls it: then it is one target with
 * two sources. Else the one that it names, by an id or by its address.
 *
 * A row keeps its name, and so its counters, as long as one of its sources is there. It has that of the source that came first:
 * therefore a declared target may have an id for its name, and a report may name another id than its row.
 */
import type { TcpAddress } from "../net/runtime.ts";
import { formatAddress } from "../util/address.ts";
import type { Entry, Row } from "./entry.ts";
import { identityOf, placeOf, sameAddress } from "./location.ts";
import type { Report } from "./report.ts";

export class RowNames {
  readonly #rows: { get(identity: string): Row | undefined };
  /** Of declared targets, by their place. */
  readonly #declared = new Map<string, Row>();
  /** Of registered ones whose row has another name than their report gives, by that and their location. */
  readonly #renamed = new Map<string, Row>();

  constructor(rows: { get(identity: string): Row | undefined }) {
    this.#rows = rows;
  }

  /** `address`: where the target is dialled, as far as that is known. See locationOf() for `location`. */
  identityFor(report: Report, location: TcpAddress, address = location): string {
    const { pool } = report;
    const declared = this.#declared.get(placeOf(pool, location)) ?? this.#declared.get(placeOf(pool, address));
    if (declared !== undefined) return declared.identity;
    const renamed = this.#renamed.get(nameAndPlace(report, location));
    if (renamed !== undefined) return renamed.identity;
    const name = identityOf(report, location);
    const named = this.#rows.get(name);
    const isThere = named?.registered && sameAddress(named.registered.location, location);
    return named?.declared && !isThere ? placeOf(pool, location) : name; // the id is the name of a declared target elsewhere
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
    if (identityOf(report, location) !== row.identity) this.#renamed.set(nameAndPlace(report, location), row);
  }

  left({ report, location, row }: Entry): void {
    const key = nameAndPlace(report, location);
    if (this.#renamed.get(key) === row) this.#renamed.delete(key);
  }
}

function nameAndPlace(report: Report, location: TcpAddress): string {
  return `${identityOf(report, location)} at ${formatAddress(location)}`;
}
