/** With what a reporter comes to each of its balancers: a key that it was given, its own where it has joined, or a key that lies about. */
import type { Credentials } from "../control/client/credentials.ts";
import { type KeySettings, reporterKey } from "../control/keys/find-keys.ts";
import { type Identity, parseIdentity, placeOf } from "../control/keys/identity.ts";
import { readKeyText } from "../control/keys/key-file.ts";
import { type HostEnvironment, hostEnvironment } from "../control/keys/key-places.ts";
import { identityPlace } from "../control/keys/trust-files.ts";
import type { TcpAddress } from "../net/runtime.ts";
import { formatAddress } from "../util/address.ts";
import { codeOf, HarmonyError, isAbsence } from "../util/errors.ts";

export interface CredentialSettings extends KeySettings {
  /** The file of the reporter's own key. */
  readonly identity?: string | null;
}

/** Throws HarmonyError, not where there is none. */
export function readIdentity(path: string): Identity | null {
  try {
    return parseIdentity(readKeyText("identity file", path).text, path);
  } catch (error) {
    if (isAbsence(error)) return null;
    throw error;
  }
}

/** A function that looks at each call, since files appear and change while the reporter runs. It throws HarmonyError. */
export function reporterCredentials(
  settings: CredentialSettings,
  environment?: HostEnvironment,
): (balancer: TcpAddress) => Credentials {
  const shared = reporterKey(settings, environment);
  const isGiven = Boolean(settings.insecure || settings.key || settings.keyFile);
  return (balancer) => {
    if (isGiven) return shared();
    const path = identityPlace(settings.identity ?? null, environment ?? hostEnvironment());
    const identity = readIdentity(path);
    const pinned = identity?.balancers.find((each) => placeOf(each) === placeOf(balancer));
    if (identity && pinned) return { name: pinned.name, keyPair: identity.keyPair, balancer: pinned.publicKey };
    try {
      return shared();
    } catch (error) {
      throw codeOf(error) === "NO_KEY" ? noKey(error as HarmonyError, balancer, path, identity) : error;
    }
  };
}

function noKey({ message }: HarmonyError, balancer: TcpAddress, path: string, identity: Identity | null): HarmonyError {
  const others = identity?.balancers.map(formatAddress).join(", ");
  const joined = others ? `${path} knows ${others} alone` : `there is nothing of it in ${path}`;
  const where = formatAddress(balancer);
  return new HarmonyError(
    "NO_KEY",
    `this reporter has not joined ${where} (${joined}): run harmony-reporter join ${where} CODE, with the code that harmony-balancer ` +
      `invite prints there; nor is there a shared key: ${message}`,
    { fault: "config", retry: true },
  );
}
