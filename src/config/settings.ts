/** From option values to what the balancer and the reporter are started with: files read and judged, combinations checked, defaults that depend on others. */
import { readFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { parseKey } from "../control/keys/key.ts";
import { messageOf } from "../util/errors.ts";
import { formatHostPort } from "../util/host-port.ts";
import { expandLocalhost, type ListenAddress } from "./address-kinds.ts";
import type { BalancerValues } from "./balancer-options.ts";
import type { TextOrFile } from "./kinds.ts";
import { checkAuthorities, checkPair } from "./pem.ts";
import type { ReporterValues } from "./reporter-options.ts";

/** Durations in ms, 0 where the option's table says so; PEM and unavailable text as content, not as paths. */
export interface BalancerSettings
  extends Pick<
    BalancerValues,
    | "algorithm"
    | "persistent"
    | "concurrency"
    | "queue"
    | "queueTimeout"
    | "requeue"
    | "hostTimeout"
    | "connectTimeout"
    | "idleTimeout"
    | "drainTimeout"
    | "key"
    | "keyFile"
    | "insecure"
    | "engine"
    | "threads"
  > {
  readonly listen: readonly ListenAddress[];
  readonly admin: readonly ListenAddress[];
  readonly unavailable: Uint8Array | null;
  readonly tls: { readonly cert: string; readonly key: string } | null;
}

/** Durations in ms. */
export interface ReporterSettings
  extends Pick<
    ReporterValues,
    | "port"
    | "advertise"
    | "balance"
    | "ack"
    | "pool"
    | "id"
    | "maxConnections"
    | "drainTimeout"
    | "key"
    | "keyFile"
    | "insecure"
  > {
  readonly balancers: readonly { readonly host: string; readonly port: number }[];
  /** `ca` undefined: the system's roots. */
  readonly tls: { readonly ca?: string } | null;
}

/** What is wrong goes to `problems`; the result is of use only when there is none. */
export function balancerSettings(values: BalancerValues, problems: string[]): BalancerSettings {
  checkKeys(values, problems);
  checkPorts(values.listen, values.admin, problems);
  const ipv6 = hasIpv6Loopback();
  return {
    ...values,
    listen: expandLocalhost(values.listen, ipv6),
    admin: expandLocalhost(values.admin, ipv6),
    unavailable: unavailableBytes(values.unavailable, problems),
    tls: certificate(values, problems),
  };
}

export function reporterSettings(values: ReporterValues, problems: string[]): ReporterSettings {
  checkKeys(values, problems);
  const ca = values.tlsCa === null ? null : readText(values.tlsCa, "tls-ca", problems);
  if (ca !== null) checkAuthorities(ca, "tls-ca", problems);
  return {
    ...values,
    balancers: distinct(values.host.map(({ host, port }) => ({ host, port: port ?? values.adminPort }))),
    tls: ca !== null ? { ca } : values.tls ? {} : null,
  };
}

/** One balancer named twice would be told twice that the other report is its successor. */
function distinct(balancers: readonly { host: string; port: number }[]) {
  return [...new Map(balancers.map((each) => [formatHostPort(each.host, each.port), each])).values()];
}

function checkKeys(values: Pick<BalancerValues, "insecure" | "key" | "keyFile">, problems: string[]): void {
  try {
    if (values.key !== null) parseKey(values.key, "the key");
  } catch (error) {
    problems.push(messageOf(error)); // it never holds the secret
  }
  // A key in the environment is not held against it: one environment often serves programs of both kinds.
  if (values.insecure && values.keyFile !== null) {
    problems.push("insecure and key-file contradict each other: give one of them");
  }
}

function checkPorts(listen: readonly ListenAddress[], admin: readonly ListenAddress[], problems: string[]): void {
  for (const one of listen) {
    const other = admin.find(({ host, port }) => {
      const overlap = host === one.host || host === "" || one.host === "";
      return port !== 0 && port === one.port && overlap;
    });
    if (other) {
      const both = `${formatHostPort(one.host, one.port)} and ${formatHostPort(other.host, other.port)}`;
      problems.push(`listen and admin want the same port (${both}): give two different ones`);
    }
  }
}

function certificate(values: BalancerValues, problems: string[]): BalancerSettings["tls"] {
  const { tlsCert, tlsKey } = values;
  if (tlsCert === null && tlsKey === null) return null;
  if (tlsCert === null || tlsKey === null) {
    problems.push("tls-cert and tls-key belong together: give both or neither");
    return null;
  }
  const cert = readText(tlsCert, "tls-cert", problems);
  const key = readText(tlsKey, "tls-key", problems);
  if (cert === null || key === null) return null;
  checkPair(cert, key, problems);
  return { cert, key };
}

function unavailableBytes(given: TextOrFile | null, problems: string[]): Uint8Array | null {
  if (given === null) return null;
  if ("file" in given) return readBytes(given.file, "unavailable", problems);
  return new TextEncoder().encode(given.text);
}

function readText(path: string, option: string, problems: string[]): string | null {
  const bytes = readBytes(path, option, problems);
  return bytes === null ? null : new TextDecoder().decode(bytes);
}

/** The content of a file that `option` names, or null and a problem. */
function readBytes(path: string, option: string, problems: string[]): Uint8Array | null {
  try {
    return readFileSync(path);
  } catch (error) {
    problems.push(`${option}: the file cannot be read: ${messageOf(error)}`);
    return null;
  }
}

/** Whether this machine has ::1. */
function hasIpv6Loopback(): boolean {
  return Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === "::1"));
}
