/** With what a reporter proves itself to a balancer: a shared key, its own key, or an invitation that it has just been given. */
import { isShared, type SharedKey } from "../keys/key.ts";
import { type Claim, handshakeOf, pskOfInvitation, pskOfSecret } from "../protocol/hello.ts";
import type { HandshakeState } from "../protocol/noise.ts";
import type { KeyPair } from "../protocol/x25519.ts";

/** Of a reporter that has joined. */
export interface OwnCredentials {
  /** What it is called there. */
  readonly name: string;
  readonly keyPair: KeyPair;
  /** The public key of the one balancer that it means. */
  readonly balancer: Uint8Array;
}

/** Of a reporter that is about to join. */
export interface InvitationCredentials {
  readonly invitation: { readonly id: string; readonly secret: Uint8Array };
  readonly keyPair: KeyPair;
  readonly balancer: Uint8Array;
  /** What its host is called; the balancer may make a name of it. */
  readonly host?: string | undefined;
}

export type Credentials = SharedKey | OwnCredentials | InvitationCredentials;

export function claimOf(credentials: Credentials): Claim {
  if ("invitation" in credentials) return { as: "join", id: credentials.invitation.id };
  return isSharedCredentials(credentials) ? { as: "key", id: credentials.id } : { as: "reporter" };
}

export function initiatorOf(credentials: Credentials): HandshakeState {
  const claim = claimOf(credentials);
  if (isSharedCredentials(credentials)) {
    return handshakeOf(claim, "initiator", { psk: pskOfSecret(credentials.secret) });
  }
  const own = { s: credentials.keyPair, rs: credentials.balancer };
  if (!("invitation" in credentials)) return handshakeOf(claim, "initiator", own);
  return handshakeOf(claim, "initiator", { ...own, psk: pskOfInvitation(credentials.invitation.secret) });
}

/** For a message: which of those that may lie about it is. */
export function nameOf(credentials: Credentials): string {
  if ("invitation" in credentials) return "this invitation";
  return isSharedCredentials(credentials) ? `key "${credentials.id}"` : "the key that this reporter has pinned for it";
}

function isSharedCredentials(credentials: Credentials): credentials is SharedKey {
  return "id" in credentials && isShared(credentials);
}
