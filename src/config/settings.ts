/** From option values to what the balancer and the reporter are started with: files read and judged, combinations checked, defaults that depend on others. */
import { networkInterfaces } from "node:os";
import { parseGivenKey } from "../control/keys/key.ts";
import { MAX_BALANCERS } from "../control/protocol/messages.ts";
import type { ListenAddress } from "../net/runtime.ts";
import type { UnavailableHandler } from "../proxy/unavailable.ts";
import { isLoopback } from "../targets/loopback.ts";
import { formatAddress } from "../util/address.ts";
import { messageOf } from "../util/errors.ts";
import { expandLocalhost } from "./address-kinds.ts";
import { announcedTargets } from "./announced-targets.ts";
import { type ApiPlace, isPort } from "./api-kind.ts";
import { type BalancerValues, scopeOf } from "./balancer-options.ts";
import type { Certificate } from "./certificate-files.ts";
import { readSecret, readText } from "./files.ts";
import { groupSettings } from "./group-settings.ts";
import type { ListenerTerms } from "./listener-options.ts";
import { spell } from "./names.ts";
import type { Place } from "./option.ts";
import { checkAuthorities, checkCertificate } from "./pem.ts";
import type { PoolValues } from "./pool-options.ts";
import type { ReporterValues } from "./reporter-options.ts";
import type { ROUTE_TLS } from "./route-options.ts";
import type { programOptions } from "./shared-options.ts";
import type { TargetSettings } from "./target-options.ts";
import { type Chosen, type Source, whereOf } from "./values.ts";

/** What the pool `default` is called: the one that flags and environment speak of, and that reporters join if they name none. */
export const DEFAULT_POOL = "default";

/** A pool's options, completed. Durations in ms, files as their content. What an option's value means is said in its table. */
export interface PoolSettings extends Omit<PoolValues, "unavailable"> {
  /** Bytes to send, the library's handler, or null: then the client is just closed. */
  readonly unavailable: Uint8Array | UnavailableHandler | null;
}

/** A listener's options, completed. Durations in ms, files by their paths. */
export interface ListenerSettings extends ListenerTerms {
  /** Never empty. "localhost" is loopback addresses here, and a descriptor's name its number. */
  readonly listen: readonly ListenAddress[];
  /** Which pools serve the clients that come here. Never empty; in the order of the document. */
  readonly routes: readonly Route[];
  /** ms, for the clients' side of its connections; 0 is off. */
  readonly keepalive: number;
}

export interface Route {
  readonly pool: string;
  /** Server names, lower-case, `*.` at the start for any labels. Empty: any name, and none. */
  readonly names: readonly string[];
  /** Of these the client has to offer one. Empty: any, and none. */
  readonly alpn: readonly string[];
  /** Whether it is decrypted here. */
  readonly tls: (typeof ROUTE_TLS)[number];
}

/** The one route of a listener that gives all of its clients to that pool. */
export function routeTo(pool: string, { tls }: Pick<ListenerTerms, "tls">): Route {
  return { pool, names: [], alpn: [], tls: tls === "off" ? "pass" : "terminate" };
}

/** The whole of what an operator decides, completed: what a balancer is started with, and what it can be told later. */
export interface BalancerSettings extends Omit<BalancerValues, NotSettings> {
  /** What was read from the files that `adminTlsCert` and `adminTlsKey` name. */
  readonly adminTls: Certificate | null;
  /** The same of `apiTlsCert` and `apiTlsKey`. */
  readonly apiTls: Certificate | null;
  readonly pools: ReadonlyMap<string, PoolSettings>;
  /** Each routes to pools in `pools`, and every pool has one that routes to it. */
  readonly listeners: ReadonlyMap<string, ListenerSettings>;
  /** Of pools that reporters bring. */
  readonly poolDefaults: PoolSettings;
  /** Of their listeners. */
  readonly listenerDefaults: ListenerTerms;
}

/** What is in the balancer's table and has another form in its settings. */
type NotSettings = "listen" | "host" | "listenport" | "adminport" | keyof PoolValues | keyof ListenerTerms;

/** Durations in ms, files as their content. What an option's value means is said in its table. */
export interface ReporterSettings
  extends Omit<ReporterValues, ProgramOption | "host" | "adminPort" | "tls" | "tlsCa" | keyof TargetSettings> {
  readonly balancers: readonly { readonly host: string; readonly port: number }[];
  /** At least one. */
  readonly targets: readonly TargetSettings[];
  /** `ca` undefined: the system's roots. */
  readonly tls: { readonly ca?: string } | null;
}

/** An option of the program itself, which what it runs does not see. */
type ProgramOption = keyof typeof programOptions;

/** What is wrong goes to `problems`, with options as `place` spells them; the result is of use only if there is none. */
export function processSettings(
  { values, given }: Chosen<BalancerValues>,
  place: Place,
  problems: string[],
): Omit<BalancerSettings, "pools" | "listeners" | "poolDefaults" | "listenerDefaults"> {
  checkKeys(values, place, problems, given);
  const own = Object.entries(values).filter(([name]) => scopeOf(name) === "process");
  const apiTls = certificate("api", values, place, problems, given);
  checkApi(values, place, problems, given);
  return {
    ...(Object.fromEntries(own) as Omit<BalancerValues, NotSettings>),
    admin: expandLocalhost(values.admin, hasIpv6Loopback()),
    adminTls: certificate("admin", values, place, problems, given),
    api: values.api.flatMap(withoutLocalhost),
    apiTls,
    metrics: expandLocalhost(values.metrics, hasIpv6Loopback()),
    ...groupSettings(values, place, problems, given),
  };
}

/** `targets`: those that are described one by one, or null. */
export function reporterSettings(
  values: ReporterValues,
  targets: readonly Source[] | null,
  place: Place,
  problems: string[],
): ReporterSettings {
  checkKeys(values, place, problems);
  const option = spell("tlsCa", place);
  const ca = values.tlsCa === null ? null : readText(values.tlsCa, option, problems);
  if (ca !== null) checkAuthorities({ option, pem: ca }, problems);
  const balancers = distinct(values.host.map(({ host, port }) => ({ host, port: port ?? values.adminPort })));
  if (balancers.length > MAX_BALANCERS)
    problems.push(
      `${spell("host", place)}: a reporter speaks to ${MAX_BALANCERS} balancers at most, and not to ${balancers.length}`,
    );
  return {
    ...values,
    targets: announcedTargets(values, targets, place, problems),
    balancers,
    tls: ca !== null ? { ca } : values.tls ? {} : null,
  };
}

/** A balancer that is named twice would get two sessions for one target, each of which replaces the other. */
function distinct(balancers: readonly { host: string; port: number }[]) {
  return [...new Map(balancers.map((each) => [formatAddress(each), each])).values()];
}

function checkKeys(
  values: Pick<BalancerValues, "insecure" | "key" | "keyFile">,
  place: Place,
  problems: string[],
  given: Source = new Map(),
): void {
  try {
    if (values.key !== null) parseGivenKey(values.key, "the key");
  } catch (error) {
    problems.push(messageOf(error)); // which does not contain the secret
  }
  // A key in the environment is no contradiction: one environment often serves both programs.
  if (values.insecure && values.keyFile !== null) {
    const where = whereOf(given.get("insecure")) || whereOf(given.get("keyFile"));
    problems.push(`${where}insecure and ${spell("keyFile", place)} contradict each other: give one of them`);
  }
}

/** Tokens must not cross a network in the clear unless somebody has said that they may. */
function checkApi(values: BalancerValues, place: Place, problems: string[], given: Source): void {
  const { api, apiTlsCert, apiInsecure } = values;
  const where = whereOf(given.get("api")) + spell("api", place);
  if (api.includes("off") && api.length > 1) problems.push(`${where}: off stands alone`);
  const open = api.filter(isPort).find(({ host }) => host !== "localhost" && !isLoopback(host));
  if (open === undefined || apiTlsCert !== null || apiInsecure) return;
  problems.push(
    `${where}: at ${formatAddress(open)} whoever sees the traffic reads the tokens: give ${spell("apiTlsCert", place)} and ` +
      `${spell("apiTlsKey", place)} or, where something else encrypts it, ${spell("apiInsecure", place)}`,
  );
}

function withoutLocalhost(place: ApiPlace): readonly ApiPlace[] {
  return isPort(place) && place.host === "localhost" ? expandLocalhost([place], hasIpv6Loopback()) : [place];
}

function certificate(
  of: "admin" | "api",
  values: BalancerValues,
  place: Place,
  problems: string[],
  given: Source,
): Certificate | null {
  const [certName, keyName] = [`${of}TlsCert`, `${of}TlsKey`] as const;
  const { [certName]: certPath, [keyName]: keyPath } = values;
  const certOption = whereOf(given.get(certName)) + spell(certName, place);
  const keyOption = whereOf(given.get(keyName)) + spell(keyName, place);
  if (certPath === null && keyPath === null) return null;
  if (certPath === null || keyPath === null) {
    problems.push(`${certOption} and ${keyOption} belong together: give both or neither`);
    return null;
  }
  const cert = readText(certPath, certOption, problems);
  const key = readSecret(keyPath, keyOption, problems);
  if (cert === null || key === null) return null;
  checkCertificate({ option: certOption, pem: cert }, { option: keyOption, pem: key }, problems);
  return { cert, key };
}

/** Whether this machine has ::1. */
export function hasIpv6Loopback(): boolean {
  return Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === "::1"));
}
