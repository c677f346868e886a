/** The kind of value that names targets: an address, a host name, the name of SRV records, each alone or with what is to hold for it. */
import { MAX_PRIORITY, MAX_WEIGHT } from "../pool/types.ts";
import type { WantedPlace, WantedTarget } from "../targets/wanted.ts";
import { canonicalHost, formatAddress, parseIp } from "../util/address.ts";
import { listOf, remoteHost } from "./address-kinds.ts";
import { agentCheckKind } from "./agent-check-kind.ts";
import { checkEntry, checkKind } from "./check-kind.ts";
import { type Kind, kindOf, textCodec } from "./kind.ts";
import { integer, onOff, STRING } from "./kinds.ts";
import { isSocketPath } from "./listen-kind.ts";
import { type EntryForm, type LibraryOptions, option, optional, type Values } from "./option.ts";
import { DEFAULT_WEIGHT, MOST_CONNECTIONS } from "./shared-options.ts";
import { quotedWhereNeeded } from "./split.ts";
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
  priority: option({
    kind: integer(0, MAX_PRIORITY),
    default: 0, // the first there are
    doc: "It takes connections only while no target of a smaller number can. 0 is the first.",
    ...IN_TABLES,
  }),
  backup: option({
    kind: onOff,
    default: false,
    doc: "It takes connections only while no target that is none can, whatever the priorities.",
    ...IN_TABLES,
  }),
  check: optional({
    kind: checkKind,
    doc: "How its health is checked. off: not at all.",
    shownDefault: "as its pool says",
    entry: checkEntry,
    ...IN_TABLES,
  }),
  agentCheck: optional({
    kind: agentCheckKind,
    doc: "Where its agent is asked. off: nowhere.",
    shownDefault: "as its pool says",
    ...IN_TABLES,
  }),
} as const;

const NUMBER = /^\d{1,15}$/;
const ANY = /^/;
const { weight, maxConnections, priority } = wantedOptions;
const WORDS = {
  weight: NUMBER,
  "max-connections": NUMBER,
  priority: NUMBER,
  backup: null,
  check: ANY,
  "agent-check": ANY,
} as const;

function parseTarget(text: string): WantedTarget | undefined {
  const { head, words } = readWords(text, WORDS) ?? {};
  const place = parsePlace(head ?? "");
  if (words === undefined || place === undefined) return undefined;
  const heavy = weight.kind.parse(words.weight ?? String(weight.default));
  const most = maxConnections.kind.parse(words["max-connections"] ?? String(maxConnections.default));
  const turn = priority.kind.parse(words.priority ?? String(priority.default));
  const own = checksOf(words.check, words["agent-check"]);
  if (!heavy || !most || !turn || !own) return undefined;
  const terms = { weight: heavy.value, maxConnections: most.value, priority: turn.value };
  return { ...place, ...terms, backup: words.backup !== undefined, ...own };
}

/** What is not given is not there. */
function checksOf(check: string | undefined, agent: string | undefined) {
  const ofCheck = check === undefined ? null : checkKind.parse(check);
  const ofAgent = agent === undefined ? null : agentCheckKind.parse(agent);
  if ((check !== undefined && !ofCheck) || (agent !== undefined && !ofAgent)) return undefined;
  return { ...(ofCheck && { check: ofCheck.value }), ...(ofAgent && { agentCheck: ofAgent.value }) };
}

/** With the words that are not as they are by default. */
export function formatTarget(target: WantedTarget): string {
  const words = [
    target.weight === weight.default ? [] : `weight=${target.weight}`,
    target.maxConnections === maxConnections.default ? [] : `max-connections=${target.maxConnections}`,
    target.priority === priority.default ? [] : `priority=${target.priority}`,
    target.backup ? "backup" : [],
    target.check == null ? [] : `check=${quotedWhereNeeded(checkKind.format(target.check))}`,
    target.agentCheck == null ? [] : `agent-check=${quotedWhereNeeded(agentCheckKind.format(target.agentCheck))}`,
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
    allowed: `targets such as ${PLACE}, each as a text or as a table { address = …, weight = …, max-connections = …, priority = …, backup = …, check = … }`,
    library: {
      words: "list of strings and of `{ address, weight, maxConnections, priority, backup, check, agentCheck }`",
    },
    list: true,
  },
  listOf(parseTarget, formatTarget),
);

/** How a target's table becomes its text. */
export const targetEntry: EntryForm = {
  options: wantedOptions,
  required: ["address"],
  text(given) {
    const { address, check, agentCheck, ...rest } = given as Values<typeof wantedOptions>;
    return formatTarget({ ...address!, ...rest, check: check ?? undefined, agentCheck: agentCheck ?? undefined });
  },
};
