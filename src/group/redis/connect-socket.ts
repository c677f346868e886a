/** A socket to a server, with or without TLS. */
import { connect, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { Address } from "../../net/runtime.ts";
import { formatAddress, plainHost } from "../../util/address.ts";
import type { Clock } from "../../util/clock.ts";
import { codeOf, HarmonyError, messageOf } from "../../util/errors.ts";
import { lostError, unneededError } from "./reply.ts";

export interface TlsTerms {
  /** PEM; null: the system's authorities. */
  readonly ca: string | null;
}

export interface SocketTerms {
  /** null: without TLS. */
  readonly tls: TlsTerms | null;
  readonly clock: Clock;
  /** Nobody needs it any more. */
  readonly signal: AbortSignal;
}

/**
 * Resolves once it can be written to, the handshake of TLS included; rejects with HarmonyError, after `ms` at the latest, and at once when nobody
 * needs it any more.
 */
export function connectSocket(address: Address, { tls, clock, signal }: SocketTerms, ms: number): Promise<Socket> {
  const where = formatAddress(address);
  return new Promise((resolve, reject) => {
    const socket = tls === null ? connect(placeOf(address)) : connectWithTls(address, tls);
    const event = tls === null ? "connect" : "secureConnect";
    const end = () => {
      cancel();
      signal.removeEventListener("abort", unneeded);
      socket.off(event, connected).off("error", failed).off("close", closed);
    };
    const fail = (error: HarmonyError) => {
      end();
      socket.on("error", () => undefined); // one that comes late is nobody's, and must not be thrown
      socket.destroy();
      reject(error);
    };
    const connected = () => {
      end();
      resolve(socket);
    };
    const failed = (error: Error) => fail(connectError(where, error, tls !== null));
    const noTls = tls === null ? "" : NO_TLS;
    const closed = () => fail(lostError(where, `cannot be reached: it closes the connection${noTls}`));
    const unneeded = () => fail(unneededError(where));
    const silent = `cannot be reached: no answer within ${ms / 1000} s${noTls}`;
    const cancel = clock.after(ms, () => fail(lostError(where, silent)));
    signal.addEventListener("abort", unneeded);
    if (signal.aborted) unneeded();
    socket.once(event, connected).once("error", failed).once("close", closed);
  });
}

function connectWithTls(address: Address, { ca }: TlsTerms): Socket {
  const host = "path" in address ? "localhost" : plainHost(address.host);
  return connectTls({
    ...placeOf(address),
    // Addresses are no names that a server could choose its certificate by.
    ...(isIP(host) === 0 && { servername: host }),
    ...(ca !== null && { ca }),
  });
}

function placeOf(address: Address) {
  return "path" in address ? { path: address.path } : { host: plainHost(address.host), port: address.port };
}

/** A server that waits for the end of a command takes a greeting of TLS for the beginning of one, and says nothing. */
const NO_TLS = ": where it speaks no TLS at that port, write redis instead of rediss in group";
/** Of a way on which nobody has answered, with TLS or without. */
const NO_WAY = new Set(["ECONNREFUSED", "EHOSTUNREACH", "ENETUNREACH", "ENOTFOUND", "EAI_AGAIN", "ETIMEDOUT"]);

const CERTIFICATE = /CERT|SIGNATURE|ISSUER|SELF_SIGNED|ALTNAME/i;

function connectError(where: string, error: Error, tls: boolean): HarmonyError {
  const why = codeOf(error) ?? messageOf(error);
  if (!tls || !(CERTIFICATE.test(why) || CERTIFICATE.test(messageOf(error)))) {
    return lostError(where, `cannot be reached (${why})${tls && !NO_WAY.has(why) ? NO_TLS : ""}`);
  }
  const text = `the certificate of Redis at ${where} is not trusted (${why}): give the authority that signed it with group-ca, and the name in it as the host of group`;
  return new HarmonyError("GROUP_REFUSED", text, { fault: "config", retry: true });
}
