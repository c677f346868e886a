/** From option values to what the balancer and the reporter are started with: files read and judged, combinations checked, defaults that depend on others. */
import { networkInterfaces } from "node:os";
import { parseGivenKey } from "../control/keys/key.ts";
import type { ListenAddress } from "../net/runtime.ts";
import type { UnavailableHandler } from "../proxy/unavailable.ts";
import { formatAddress } from "../util/address.ts";
import { messageOf } from "../util/errors.ts";
import { expandLocalhost } from "./address-kinds.ts";
import { announcedTargets } from "./announced-targets.ts";
import { type BalancerValues, scopeOf } from "./balancer-options.ts";
import type { Certificate } from "./certificate-files.ts";
import { readSecret, readText } from "./files.ts";
import { spell } from "./names.ts";
import type { Place } from "./option.ts";
import { checkAuthorities, checkCertificate } from "./pem.ts";
import type { PoolValues } from "./pool-options.ts";
import type { ReporterValues } from "./reporter-options.ts";
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

export interface ListenerSettings {
  /** Never empty. "localhost" is loopback addresses here, and a descriptor's name its number. */
  readonly listen: readonly ListenAddress[];
  /** Which pool serves the clients that come here. */
  readonly routes: readonly [Route];
  /** ms, for the clients' side of its connections; 0 is off. */
  readonly keepalive: number;
}

export interface Route {
  readonly pool: string;
}

/** The whole of what an operator decides, completed: what a balancer is started with, and what it can be told later. */
export interface BalancerSettings extends Omit<BalancerValues, NotSettings> {
  /** What was read from the files that `adminTlsCert` and `adminTlsKey` name. */
  readonly adminTls: Certificate | null;
  readonly pools: ReadonlyMap<string, PoolSettings>;
  /** Each routes to a pool in `pools`, and every pool has one that routes to it. */
  readonly listeners: ReadonlyMap<string, ListenerSettings>;
  /** Of pools that reporters bring. */
  readonly poolDefaults: PoolSettings;
}

/** What is in the balancer's table and has another form in its settings. */
type NotSettings = "listen" | "host" | "listenport" | "adminport" | keyof PoolValues;

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
): Omit<BalancerSettings, "pools" | "listeners" | "poolDefaults"> {
  checkKeys(values, place, problems, given);
  const own = Object.entries(values).filter(([name]) => scopeOf(name) === "process");
  return {
    ...(Object.fromEntries(own) as Omit<BalancerValues, NotSettings>),
    admin: expandLocalhost(values.admin, hasIpv6Loopback()),
    adminTls: certificate(values, place, problems, given),
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
  return {
    ...values,
    targets: announcedTargets(values, targets, place, problems),
    balancers: distinct(values.host.map(({ host, port }) => ({ host, port: port ?? values.adminPort }))),
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

function certificate(values: BalancerValues, place: Place, problems: string[], given: Source): Certificate | null {
  const { adminTlsCert, adminTlsKey } = values;
  const certOption = whereOf(given.get("adminTlsCert")) + spell("adminTlsCert", place);
  const keyOption = whereOf(given.get("adminTlsKey")) + spell("adminTlsKey", place);
  if (adminTlsCert === null && adminTlsKey === null) return null;
  if (adminTlsCert === null || adminTlsKey === null) {
    problems.push(`${certOption} and ${keyOption} belong together: give both or neither`);
    return null;
  }
  const cert = readText(adminTlsCert, certOption, problems);
  const key = readSecret(adminTlsKey, keyOption, problems);
  if (cert === null || key === null) return null;
  checkCertificate({ option: certOption, pem: cert }, { option: keyOption, pem: key }, problems);
  return { cert, key };
}

/** Whether this machine has ::1. */
export function hasIpv6Loopback(): boolean {
  return Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === "::1"));
}
