/** The balancer's side of the handshake: the reporter names a key and proves that it holds the secret. */
import { randomBytes } from "node:crypto";
import type { LineChannel } from "../../net/line-channel.ts";
import { codeOf, HarmonyError } from "../../util/errors.ts";
import { INSECURE_KEY, isShared, type Key } from "../keys/key.ts";
import type { Keys } from "../keys/keys.ts";
import { challengeLine, NONCE_BYTES, provesKey, readHello, Seal } from "../protocol/wire.ts";

/** Used for a key id that does not exist, so that its proof takes as long to check as any other. */
const NOBODYS_SECRET = randomBytes(32).toString("hex");

const NO_TLS =
  "it speaks TLS and this admin port does not: start it without --tls and --tls-ca, or the balancer with --admin-tls-cert " +
  "and --admin-tls-key";

/** What a reporter has proved. */
export interface Proof {
  readonly key: Key;
  readonly seal: Seal;
}

/** `onHello`: the reporter has named this key. Resolves to null where it has left, rejects where it is refused. */
export async function handshake(
  channel: LineChannel,
  keys: Keys,
  onHello: (keyId: string) => void,
): Promise<Proof | null> {
  const helloBytes = await firstLine(channel);
  if (!helloBytes) return null;
  const helloLine = Uint8Array.from(helloBytes);
  const hello = readHello(helloLine);
  onHello(hello.key);
  const challenge = challengeLine(randomBytes(NONCE_BYTES).toString("hex"));
  await channel.send(challenge);
  const proof = await channel.readLine();
  if (!proof) return null;
  const transcript = { hello: helloLine, challenge: Buffer.from(challenge) };
  const found = keys.find(hello.key);
  const key = found && isShared(found) ? found : undefined;
  const proved = provesKey(proof, key?.secret ?? NOBODYS_SECRET, transcript);
  if (proved && key) return { key, seal: new Seal("balancer", key.secret, transcript) };
  throw new WrongKey(key ? `its secret is not the one of key "${key.id}" here` : unknownKey(hello.key));
}

function unknownKey(id: string): string {
  if (id === INSECURE_KEY.id) return "it was started without a key (--insecure), and this balancer takes none without";
  return `there is no key "${id}" here`;
}

async function firstLine(channel: LineChannel): Promise<Uint8Array | null> {
  try {
    return await channel.readLine();
  } catch (error) {
    throw codeOf(error) === "IS_TLS" ? new HarmonyError("NO_TLS", NO_TLS, { fault: "target" }) : error;
  }
}

/** Its message is for the balancer's log alone. */
export class WrongKey extends HarmonyError {
  constructor(why: string) {
    super("BAD_KEY", why, { fault: "target" });
  }
}
