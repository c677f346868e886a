/** What a reporter does about its own key before and beside reporting: it joins balancers, and exchanges its key. */
import { hostname } from "node:os";
import { runtime } from "#runtime";
import type { Credentials } from "../control/client/credentials.ts";
import { ClientSession, type Question } from "../control/client/session.ts";
import {
  beginRotation,
  createIdentity,
  endRotation,
  type PinnedBalancer,
  pinBalancer,
  placeOf,
  REPORTER_REMARK,
} from "../control/keys/identity.ts";
import { parseInvitation } from "../control/keys/invitation-code.ts";
import { userName } from "../control/keys/key-places.ts";
import type { Ok } from "../control/protocol/messages.ts";
import type { KeyPair } from "../control/protocol/x25519.ts";
import type { TcpAddress } from "../net/runtime.ts";
import { formatAddress } from "../util/address.ts";
import { systemClock } from "../util/clock.ts";
import { codeOf, HarmonyError, messageOf } from "../util/errors.ts";
import { VERSION } from "../util/version.ts";
import { readIdentity } from "./credentials.ts";

export interface Way {
  /** `ca` undefined: the system's roots. null: no TLS. */
  readonly tls: { readonly ca?: string } | null;
}

export interface Joined extends PinnedBalancer {
  /** What was known of that place before. */
  readonly before: PinnedBalancer | null;
}

const UNWRITABLE = new Set(["EACCES", "EPERM", "EROFS", "EEXIST", "ENOTDIR", "NotCapable"]);

/** Characters of a host's name that a balancer reads. What it makes of them is its own business. */
const NAME_CHARACTERS = 100;

/** Proves the invitation to the balancer that made it and is entered there; that balancer is known from then on. */
export async function join(to: TcpAddress, code: string, identity: string, way: Way): Promise<Joined> {
  const { id, secret, publicKey } = parseInvitation(code);
  await writable(identity, () => createIdentity(identity, REPORTER_REMARK));
  const { keyPair, balancers } = readIdentity(identity) ?? missing(identity);
  const invitation = { id: Buffer.from(id).toString("base64url"), secret };
  const credentials = { invitation, keyPair, balancer: publicKey, host: hostname().slice(0, NAME_CHARACTERS) };
  const { name } = await askOnce(to, credentials, { t: "join" }, way);
  if (name === undefined)
    throw new HarmonyError("BAD_MESSAGE", `${formatAddress(to)} did not say under which name`, { fault: "balancer" });
  const balancer = { ...to, publicKey, name };
  await writable(identity, () => pinBalancer(identity, balancer));
  return { ...balancer, before: balancers.find((each) => placeOf(each) === placeOf(to)) ?? null };
}

/** Says whose file cannot be written, and by whom. */
async function writable(identity: string, write: () => Promise<void>): Promise<void> {
  try {
    await write();
  } catch (error) {
    if (error instanceof HarmonyError || !UNWRITABLE.has(codeOf(error) ?? "")) throw error;
    throw new HarmonyError(
      "UNWRITABLE",
      `${userName()} cannot write ${identity} (${messageOf(error)}): run this as the user who is to run the reporter, or name a file ` +
        "in a folder of that user with --identity, for the reporter as well",
      { fault: "config", cause: error },
    );
  }
}

/** What came of it at one balancer. */
export interface Rotated {
  readonly balancer: PinnedBalancer;
  /** It knows the new key. */
  readonly knows: boolean;
  /** Why it does not; or else why it takes the former one still, until a reporter of this host comes with the new one; or null. */
  readonly error: unknown;
}

/**
 * Exchanges the reporter's key. Each balancer is told the new one by the former; once all know it, it takes the former's place, and
 * each is visited with it, upon which it forgets the former. What is interrupted goes on where it was at the next call.
 */
export async function rotate(identity: string, way: Way): Promise<Rotated[]> {
  await beginRotation(identity);
  const { keyPair, next, balancers } = readIdentity(identity) ?? missing(identity);
  if (next === null) throw missing(identity);
  const tellAll = (current: KeyPair) =>
    Promise.all(balancers.map((balancer) => problemOf(tell(balancer, current, next, way))));
  const told = await tellAll(keyPair);
  if (told.some((error) => error !== null))
    return balancers.map((balancer, at) => ({ balancer, knows: told[at] === null, error: told[at] }));
  await endRotation(identity);
  const visited = await tellAll(next);
  return balancers.map((balancer, at) => ({ balancer, knows: true, error: visited[at] }));
}

async function tell(balancer: PinnedBalancer, current: KeyPair, next: KeyPair, way: Way): Promise<void> {
  const question = { t: "rotate", key: Buffer.from(next.publicKey).toString("base64") } as const;
  const as = (keyPair: KeyPair) => ({ name: balancer.name, keyPair, balancer: balancer.publicKey });
  try {
    await askOnce(balancer, as(current), question, way);
  } catch (error) {
    // Interrupted after the balancer had forgotten the former key.
    if (codeOf(error) !== "BAD_KEY" || current === next) throw error;
    await askOnce(balancer, as(next), question, way);
  }
}

function problemOf(done: Promise<void>): Promise<unknown> {
  return done.then(
    () => null,
    (error: unknown) => error,
  );
}

/** One session with one question. Throws NetError, or HarmonyError also where the balancer refuses. */
async function askOnce(
  { host, port }: TcpAddress,
  credentials: Credentials,
  question: Question,
  way: Way,
): Promise<Ok> {
  const to = { host, port };
  const options = { runtime, to, tls: way.tls, software: `harmony-reporter ${VERSION}`, clock: systemClock };
  try {
    const session = await ClientSession.open(options, credentials, new AbortController().signal);
    try {
      const answer = await session.ask(question);
      if (answer.t === "ok") return answer;
      throw new HarmonyError(answer.code, answer.reason, { fault: "balancer", retry: answer.retry });
    } finally {
      await session.close();
    }
  } catch (error) {
    const text = messageOf(error);
    const where = formatAddress(to);
    if (text.includes(where)) throw error;
    throw new HarmonyError(codeOf(error) ?? "INTERNAL", `${where}: ${text}`, { fault: "balancer", cause: error });
  }
}

function missing(identity: string): never {
  throw new HarmonyError("BAD_IDENTITY", `${identity} is not there any more: somebody has removed it meanwhile`, {
    fault: "config",
  });
}
