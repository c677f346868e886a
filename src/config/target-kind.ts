/** The kind of value that names targets: an address, a host name, the name of SRV records, each alone or with what is to hold for it. */
import { MAX_WEIGHT } from "../pool/types.ts";
import type { WantedPlace, WantedTarget } from "../targets/wanted.ts";
import { canonicalHost, formatAddress, parseIp } from "../util/address.ts";
import { listOf, remoteHost } from "./address-kinds.ts";
import { type Kind, kindOf, textCodec } from "./kind.ts";
import { integer, onOff, STRING } from "./kinds.ts";
import { isSocketPath } from "./listen-kind.ts";
import { type EntryForm, type LibraryOptions, option, type Values } from "./option.ts";
import { DEFAULT_WEIGHT, MOST_CONNECTIONS } from "./shared-options.ts";
import { readWords } from "./words.ts";

const SRV_NAME = /^(?=.{1,253}$)[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*\.?$/;
const PLACE = "10.0.0.5:5432, db.example:5432, unix:/run/db.sock or srv:_pg._tcp.db.example";

function parsePlace(text: string): WantedPlace | undefined {
  if (text.startsWith("unix:")) {
    const path = text.slice("unix:".length);
    return isSocketPath(path) ? { kind: "address", address: { path } } : undefined;
  }
  if (text.startsWith("srv:")) {
    const name = text.slice("srv:".length);
    return SRV_NAME.test(name) ? { kind: "srv", name } : undefined;
  }
  const at = remoteHost(text);
  if (at?.port == null) return undefined;
  const { host, port } = at;
  return parseIp(host)
    ? { kind: "address", address: { host: canonicalHost(host), port } }
    : { kind: "name", host, port };
}

/** Which target it is, and what messages call it. */
export function formatPlace(place: WantedPlace): string {
  if (place.kind === "srv") return `srv:${place.name}`;
  if (place.kind === "name") return formatAddress(place);
  return "path" in place.address ? `unix:${place.address.path}` : formatAddress(place.address);
}

const placeKind: Kind<WantedPlace | null, string> = kindOf(
  { placeholder: "ADDRESS", allowed: `the address of a target, such as ${PLACE}`, library: STRING },
  textCodec<WantedPlace | null>(parsePlace, (place) => (place === null ? "" : formatPlace(place))),
);

const IN_TABLES = { places: ["file", "library"] } as const;

/** The long form of a target. */
export const wantedOptions = {
  address: option({
    kind: placeKind,
    default: null,
    doc: "An IP address or a host name, each with a port; `unix:` and a path; or `srv:` and the name of SRV records.",
    ...IN_TABLES,
  }),
  weight: option({
    kind: integer(0, MAX_WEIGHT),
    default: DEFAULT_WEIGHT,
    doc: "Twice the number gets twice the share. 0 gets no new connections.",
    ...IN_TABLES,
  }),
  maxConnections: option({
    kind: integer(0, MOST_CONNECTIONS),
    default: 0,
    doc: "Connections that it takes at once. 0 means no limit.",
    ...IN_TABLES,
  }),
  backup: option({
    kind: onOff,
    default: false,
    doc: "It takes connections only while no other target can.",
    ...IN_TABLES,
  }),
} as const;

const NUMBER = /^\d{1,15}$/;
const { weight, maxConnections } = wantedOptions;

function parseTarget(text: string): WantedTarget | undefined {
  const { head, words } = readWords(text, { weight: NUMBER, "max-connections": NUMBER, backup: null }) ?? {};
  const place = parsePlace(head ?? "");
  if (words === undefined || place === undefined) return undefined;
  const heavy = weight.kind.parse(words.weight ?? String(weight.default));
  const most = maxConnections.kind.parse(words["max-connections"] ?? String(maxConnections.default));
  if (!heavy || !most) return undefined;
  return { ...place, weight: heavy.value, maxConnections: most.value, backup: words.backup !== undefined };
}

/** With the words that are not as they are by default. */
export function formatTarget(target: WantedTarget): string {
  const words = [
    target.weight === weight.default ? [] : `weight=${target.weight}`,
    target.maxConnections === maxConnections.default ? [] : `max-connections=${target.maxConnections}`,
    target.backup ? "backup" : [],
  ];
  return [formatPlace(target), ...words.flat()].join(" ");
}

/** A target of a pool of `server()`, with what is to hold for it. */
export interface NamedTarget extends LibraryOptions<typeof wantedOptions> {
  /** `10.0.0.5:5432`, `db.example:5432`, `unix:/run/db.sock` or `srv:_pg._tcp.db.example`. */
  address: string;
}

export const targetList: Kind<readonly WantedTarget[], readonly (string | NamedTarget)[]> = kindOf(
  {
    placeholder: "ADDRESS",
    allowed: `targets such as ${PLACE}, each as a text or as a table { address = …, weight = …, max-connections = …, backup = … }`,
    library: { words: "list of strings and of `{ address, weight, maxConnections, backup }`" },
    list: true,
  },
  listOf(parseTarget, formatTarget),
);

/** How a target's table becomes its text. */
export const targetEntry: EntryForm = {
  options: wantedOptions,
  required: ["address"],
  text(given) {
    const { address, ...rest } = given as Values<typeof wantedOptions>;
    return formatTarget({ ...address!, ...rest });
  },
};
