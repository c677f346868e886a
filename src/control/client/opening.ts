/** How a session is opened: connect, then the two lines of the handshake. */
import { LineChannel } from "../../net/line-channel.ts";
import { NetError } from "../../net/net-error.ts";
import type { Connection, Runtime, TcpAddress } from "../../net/runtime.ts";
import { formatAddress } from "../../util/address.ts";
import type { Clock } from "../../util/clock.ts";
import { codeOf, HarmonyError, messageOf } from "../../util/errors.ts";
import { helloLine, MAX_LINE, readAnswer, type UnsealedReject, viewOf } from "../protocol/hello.ts";
import { readWelcome, type Welcome } from "../protocol/messages.ts";
import type { HandshakeState } from "../protocol/noise.ts";
import { NoiseError } from "../protocol/noise-error.ts";
import { parseObject } from "../protocol/schema.ts";
import { Seal } from "../protocol/seal.ts";
import { type Credentials, claimOf, initiatorOf, nameOf } from "./credentials.ts";
import { within } from "./within.ts";

export interface ConnectOptions {
  readonly runtime: Runtime;
  readonly to: TcpAddress;
  /** null: plain TCP. */
  readonly tls: { readonly ca?: string; readonly serverName?: string } | null;
  /** Program and version, for the balancer's log. */
  readonly software: string;
  readonly clock: Clock;
  /** ms since 1970; by default Date.now. */
  readonly wallClock?: (() => number) | undefined;
}

/** ms to connect, name resolution and TLS included. */
const CONNECT_TIMEOUT_MS = 5_000;
/** ms for the round trip of the handshake. */
const HANDSHAKE_TIMEOUT_MS = 5_000;

/** A connection whose two ends have proved themselves. */
export interface Opened {
  readonly channel: LineChannel;
  readonly seal: Seal;
  readonly welcome: Welcome;
}

/** The balancer refused the reporter before there was a session. */
export class Refusal extends HarmonyError {
  readonly ticket: string | undefined;

  constructor({ code, reason, retry, ticket }: UnsealedReject) {
    super(code, reason, { fault: "balancer", retry });
    this.ticket = ticket;
  }
}

/**
 * Rejects with NetError, or with HarmonyError when what answers is no balancer, or not one that holds the key. A reporter whose clock
 * is wrong comes once more at once, with what the balancer has given it instead of a time.
 */
export async function open(options: ConnectOptions, credentials: Credentials, signal: AbortSignal): Promise<Opened> {
  try {
    return await openOnce(options, credentials, signal);
  } catch (error) {
    if (!(error instanceof Refusal) || error.code !== "CLOCK" || error.ticket === undefined) throw error;
    return openOnce(options, credentials, signal, error.ticket);
  }
}

async function openOnce(options: ConnectOptions, credentials: Credentials, signal: AbortSignal, ticket?: string) {
  const { clock } = options;
  const connection = await within(
    { ms: CONNECT_TIMEOUT_MS, clock, signal },
    (given) => connect(options, given),
    (cause) => new NetError("ETIMEDOUT", `no connection within ${CONNECT_TIMEOUT_MS / 1000} s`, cause),
  ).catch((error: unknown) => {
    if (codeOf(error) === "ENOTLS") throw noTls(options, error);
    throw codeOf(error) === "ETLS" ? badCertificate(error) : error;
  });
  const handshake = (given: AbortSignal) => {
    given.addEventListener("abort", () => connection.abort());
    return greet(connection, options, credentials, ticket);
  };
  try {
    return await within({ ms: HANDSHAKE_TIMEOUT_MS, clock, signal }, handshake, () =>
      balancerFault("NO_ANSWER", `${at(options)} did not finish the handshake in time`),
    );
  } catch (error) {
    connection.abort();
    throw error;
  }
}

function connect({ runtime, to, tls }: ConnectOptions, signal: AbortSignal): Promise<Connection> {
  return runtime.connect({ to, signal, ...(tls ? { tls } : {}) });
}

async function greet(
  connection: Connection,
  options: ConnectOptions,
  credentials: Credentials,
  ticket: string | undefined,
): Promise<Opened> {
  const channel = new LineChannel(connection, MAX_LINE);
  const handshake = initiatorOf(credentials);
  const { software, wallClock = Date.now } = options;
  const payload = {
    time: wallClock(),
    software,
    local: viewOf(connection.local),
    remote: viewOf(connection.remote),
    ...(ticket === undefined ? {} : { ticket }),
    ...("invitation" in credentials && credentials.host !== undefined ? { name: credentials.host } : {}),
  };
  await channel.send(helloLine(claimOf(credentials), handshake, payload));
  const message = await answer(channel, options);
  const welcome = readWelcome(parseObject(opened(handshake, message, options, credentials)));
  if (welcome.t === "reject") throw new Refusal(welcome);
  return { channel, seal: new Seal(handshake.split()), welcome };
}

/** What the balancer has sealed; that it could is its proof that it holds the key. */
function opened(handshake: HandshakeState, message: Uint8Array, options: ConnectOptions, credentials: Credentials) {
  try {
    return handshake.read(message);
  } catch (error) {
    if (!(error instanceof NoiseError)) throw error;
    const what = `what answers at ${at(options)} did not prove that it holds ${nameOf(credentials)}`;
    throw balancerFault("BAD_KEY", what, error);
  }
}

/** The balancer's message of the handshake. Throws where it refuses, or is none. */
async function answer(channel: LineChannel, options: ConnectOptions): Promise<Uint8Array> {
  let line: Uint8Array | null;
  let said: Uint8Array | UnsealedReject | null;
  try {
    line = await channel.readLine();
    said = line && readAnswer(line);
  } catch (cause) {
    if (cause instanceof NetError) throw cause;
    if (codeOf(cause) === "IS_TLS") throw tlsOnly(options, cause);
    throw balancerFault("NO_BALANCER", `what answers at ${at(options)} is no balancer's control port`, cause);
  }
  if (said instanceof Uint8Array) return said;
  if (said !== null) throw new Refusal(said);
  const why = "it is busy, or of another release than this reporter";
  throw balancerFault("LOST", `${at(options)} closed the connection during the handshake: ${why}`);
}

function noTls(options: ConnectOptions, cause: unknown): HarmonyError {
  const remedy =
    "start the reporter without --tls and --tls-ca, or the balancer with --admin-tls-cert and --admin-tls-key";
  return balancerFault("NO_TLS", `${at(options)} does not speak TLS: ${remedy}`, cause);
}

/** What the runtime says of it has no remedy in it. */
function badCertificate(cause: unknown): NetError {
  const remedy = "--tls-ca says which certificates are trusted, --host which name the balancer's has to be for";
  return new NetError("ETLS", `${messageOf(cause)} (${remedy})`, cause);
}

function tlsOnly(options: ConnectOptions, cause: unknown): HarmonyError {
  const remedy = "start the reporter with --tls, or with --tls-ca and the balancer's certificate";
  return balancerFault("TLS_ONLY", `${at(options)} speaks TLS: ${remedy}`, cause);
}

function at({ to }: ConnectOptions): string {
  return formatAddress(to);
}

export function balancerFault(code: string, message: string, cause?: unknown): HarmonyError {
  return new HarmonyError(code, message, { fault: "balancer", retry: true, cause });
}
