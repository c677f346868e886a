/** The code of an invitation: what a person carries from the balancer to the server. `hi1-`, then base64url. */
import { createHash } from "node:crypto";
import { HarmonyError } from "../../util/errors.ts";
import { KEY_BYTES } from "../protocol/x25519.ts";
import { parseBytes } from "./public-key.ts";

export const INVITATION_ID_BYTES = 6;
export const INVITATION_SECRET_BYTES = 16;
/** One mistyped code in 65,536 gets past; the balancer then does not know it. */
const CHECK_BYTES = 2;
const PREFIX = "hi1-";
const BYTES = INVITATION_ID_BYTES + INVITATION_SECRET_BYTES + KEY_BYTES + CHECK_BYTES;
const CHARACTERS = Math.ceil((BYTES * 4) / 3);

export interface InvitationCode {
  readonly id: Uint8Array;
  readonly secret: Uint8Array;
  /** The balancer's. */
  readonly publicKey: Uint8Array;
}

export function formatInvitation({ id, secret, publicKey }: InvitationCode): string {
  const body = Buffer.concat([id, secret, publicKey]);
  return PREFIX + Buffer.concat([body, checkOf(body)]).toString("base64url");
}

/** Throws `BAD_INVITATION`; its message does not contain the code. */
export function parseInvitation(text: string): InvitationCode {
  // A letter or a terminal may have broken it in two: no blank is part of one.
  const code = text.replaceAll(/\s+/g, "");
  if (code === "") throw badCode("there is no invitation: it is the line that harmony-balancer invite has printed");
  if (!code.startsWith(PREFIX)) {
    throw badCode(
      looksLikeInvitation(code)
        ? "the invitation is of a later version of Harmony: update the reporter"
        : `that is no invitation: one begins with ${PREFIX}, as harmony-balancer invite prints it`,
    );
  }
  const rest = code.slice(PREFIX.length);
  if (rest.length !== CHARACTERS) {
    const problem = rest.length < CHARACTERS ? "is incomplete" : "has too many characters";
    throw badCode(
      `the invitation ${problem}: it has ${CHARACTERS} characters after ${PREFIX}, and here are ${rest.length}`,
    );
  }
  // Another spelling of the same bytes is a mistyped last character.
  const bytes = parseBytes(rest, BYTES);
  const body = bytes?.subarray(0, BYTES - CHECK_BYTES);
  if (!bytes || !body || !checkOf(body).equals(bytes.subarray(BYTES - CHECK_BYTES))) {
    throw badCode("the invitation is mistyped: its characters do not fit together; copy all of it once more");
  }
  const secretAt = INVITATION_ID_BYTES;
  const keyAt = secretAt + INVITATION_SECRET_BYTES;
  return { id: body.slice(0, secretAt), secret: body.slice(secretAt, keyAt), publicKey: body.slice(keyAt) };
}

/** Of whatever version. */
export function looksLikeInvitation(text: string): boolean {
  return /^hi\d+-/.test(text);
}

function checkOf(body: Uint8Array): Buffer {
  return createHash("sha256").update(body).digest().subarray(0, CHECK_BYTES);
}

function badCode(problem: string): HarmonyError {
  return new HarmonyError("BAD_INVITATION", problem, { fault: "config" });
}
