/** Invitations: the file of those that are open, and the codes that people carry about. */
import assert from "node:assert/strict";
import { formatInvitation, parseInvitation } from "../../../src/control/keys/invitation-code.ts";
import {
  formatInvitationLine,
  type InvitationLine,
  parseInvitations,
  withInvitation,
  withoutInvitations,
} from "../../../src/control/keys/invitation-lines.ts";
import fc from "../../support/draws.ts";
import { assertKeepsSecret, type Corpus, corpus, refusedWith } from "../corpus.ts";
import { mutated } from "../mutations.ts";
import { DICTIONARY, WORDS } from "./key-file.ts";

const SECRET = Buffer.from("a secret, 16 by.").toString("base64url");
const PUBLIC = Buffer.alloc(32, 5).toString("base64url");
const USED = `used=web-1:${PUBLIC}:entered`;

const line = fc
  .tuple(fc.constantFrom("AAAAAAAA", "BBBBBBBB"), fc.subarray([USED, ...WORDS]))
  .map(([id, words]) => [id, SECRET, "web", "uses=20", "until=2030-01-01T00:00:00.000Z", ...words].join(" "));
const file = fc
  .array(fc.oneof(line, fc.constantFrom("# a remark", "")), { maxLength: 3 })
  .map((lines) => `${lines.join("\n")}\n`);
const NEW: InvitationLine = {
  id: "CCCCCCCC",
  secret: Buffer.alloc(16),
  name: "api",
  uses: 1,
  until: 0,
  used: [],
  limits: {},
};

export const invitationFiles: Corpus = corpus(
  "invitation-files",
  mutated(file, [...DICTIONARY, USED, "uses=1000", "until=", "2030-01-01T00:00:00Z", "AAAAAAAA"]),
  (text) => {
    const read = refusedWith(["BAD_KEY"], () => parseInvitations(text, "invitations"));
    if (!("value" in read)) {
      assertKeepsSecret(read.message, SECRET);
      return undefined;
    }
    const told = (all: readonly InvitationLine[]) => all.map(formatInvitationLine);
    const before = told(read.value);
    const entered = withInvitation(text, NEW);
    assert.deepEqual(told(parseInvitations(entered, "invitations")), [...before, formatInvitationLine(NEW)]);
    assert.deepEqual(told(parseInvitations(withoutInvitations(entered, new Set([NEW.id])), "invitations")), before);
    const [first] = read.value;
    if (first) assert.deepEqual(told(parseInvitations(withInvitation(text, first), "invitations")), before);
    return undefined;
  },
);

/** Characters at the end of what is drawn: where nothing else was put there, they are the code's own. */
const WHOLE = 60;
const code = fc
  .tuple(fc.uint8Array({ minLength: 6, maxLength: 6 }), fc.uint8Array({ minLength: 16, maxLength: 16 }))
  .map(([id, secret]) => formatInvitation({ id, secret, publicKey: Buffer.alloc(32, 3) }));

export const invitationCodes: Corpus = corpus(
  "invitation-codes",
  mutated(code, ["hi1-", "hi2-", "=", " ", "\n", "-", "_"]),
  (text) => {
    const read = refusedWith(["BAD_INVITATION"], () => parseInvitation(text));
    // Only one spelling of a code is one, wherever blanks have come into it.
    if ("value" in read) assert.equal(formatInvitation(read.value), text.replaceAll(/\s+/g, ""));
    else if (!/hi\d/.test(text.slice(-WHOLE))) assertKeepsSecret(read.message, text.slice(-WHOLE));
    return undefined;
  },
);
